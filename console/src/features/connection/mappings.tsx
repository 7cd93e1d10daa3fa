import { Button, Flex, Text } from '@radix-ui/themes';
import { Role } from '@truffle/api/tenant/v1/account';
import { texts } from '../../texts/texts.ts';
import { Choice, type Option } from '../../ui/choice.tsx';
import { Field } from '../../ui/field.tsx';
import { Rows } from '../../ui/rows.tsx';
import { RoleField } from '../access/role-field.tsx';

const text = texts.security;

/** A role at a place for people whose claim has a value. */
export interface Mapping {
  readonly claim: string;
  readonly value: string;
  readonly role: Role;
  readonly scopeId: string;
}

/** A mapping in a line. */
export const showMapping = ({ claim, value, role, scopeId }: Mapping): string =>
  `${claim === '' ? text.everybody : `${claim} = ${value}`}: ${texts.access.roleNames[role]} ${scopeId}`;

interface MappingsProps {
  readonly mappings: readonly Mapping[];
  readonly places: readonly Option[];
  readonly orgId: string;
  readonly onChange: (mappings: readonly Mapping[]) => void;
}

/** What a provider's claims give, one role at a place each. */
export function Mappings({ mappings, places, orgId, onChange }: MappingsProps) {
  return (
    <Flex direction="column" gap="3">
      <Text size="2" weight="medium">
        {text.gives}
      </Text>
      <Text size="1" color="gray">
        {text.givesHint}
      </Text>
      <Rows
        rows={mappings}
        fresh={{ claim: '', value: '', role: Role.VIEWER, scopeId: orgId }}
        add={text.addMapping}
        onChange={onChange}
      >
        {({ value: mapping, at, put, drop }) => (
          <fieldset className="panel mapping">
            <legend>{text.mapping(at + 1)}</legend>
            <Field
              label={texts.access.claim}
              name={`claim-${at}`}
              placeholder="groups"
              hint={text.emptyEverybody}
              value={mapping.claim}
              onChange={(event) => put({ claim: event.target.value })}
            />
            <Field
              label={texts.access.pattern}
              name={`value-${at}`}
              disabled={mapping.claim === ''}
              value={mapping.value}
              onChange={(event) => put({ value: event.target.value })}
            />
            <RoleField value={{ role: mapping.role, roleId: '' }} onChange={({ role }) => put({ role })} />
            <Choice
              label={texts.access.place}
              value={mapping.scopeId}
              options={places}
              onChange={(scopeId) => put({ scopeId })}
            />
            <Button type="button" size="1" variant="soft" color="gray" onClick={drop}>
              {texts.access.drop}
            </Button>
          </fieldset>
        )}
      </Rows>
    </Flex>
  );
}
