import { Checkbox, Flex, Text, TextField } from '@radix-ui/themes';
import type { Permission } from '@truffle/api/tenant/v1/access';
import { useState } from 'react';
import { texts } from '../../texts/texts.ts';

const text = texts.access;

interface PermissionChoiceProps {
  readonly permissions: readonly Permission[];
  readonly chosen: readonly string[];
  readonly onChange: (chosen: readonly string[]) => void;
}

/** Permissions to choose, noun by noun, with a search. */
export function PermissionChoice({ permissions, chosen, onChange }: PermissionChoiceProps) {
  const [wanted, setWanted] = useState('');
  const shown = permissions.filter(({ name, sentences }) => `${name} ${sentences[0]}`.includes(wanted));
  const nouns = Map.groupBy(shown, ({ name }) => name.split('.')[0] ?? '');
  const toggle = (name: string, on: boolean): void =>
    onChange(on ? [...chosen, name] : chosen.filter((each) => each !== name));
  return (
    <Flex direction="column" gap="2">
      <Flex justify="between" align="baseline">
        <Text size="2" weight="medium">
          {text.permissions}
        </Text>
        <Text size="1" color="gray" role="status">
          {text.permissionCount(chosen.length)}
        </Text>
      </Flex>
      <TextField.Root
        value={wanted}
        placeholder={text.searchPermissions}
        aria-label={text.searchPermissions}
        onChange={(event) => setWanted(event.target.value)}
      />
      <div className="choices">
        {[...nouns].map(([noun, each]) => (
          <fieldset key={noun} className="panel">
            <legend>{noun}</legend>
            {each.map(({ name, sentences }) => (
              <Text key={name} as="label" size="2" title={sentences[0]} className="tick">
                <Flex gap="2" align="center">
                  <Checkbox checked={chosen.includes(name)} onCheckedChange={(on) => toggle(name, on === true)} />
                  {name}
                </Flex>
              </Text>
            ))}
          </fieldset>
        ))}
      </div>
    </Flex>
  );
}
