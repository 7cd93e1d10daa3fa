import { useMutation } from '@connectrpc/connect-query';
import { Button, Flex, Text } from '@radix-ui/themes';
import { Role } from '@truffle/api/tenant/v1/account';
import { TrustService } from '@truffle/api/tenant/v1/trust_service';
import { useState } from 'react';
import { texts } from '../../texts/texts.ts';
import { Choice } from '../../ui/choice.tsx';
import { Field } from '../../ui/field.tsx';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { Act } from '../../ui/may.tsx';
import { Rows } from '../../ui/rows.tsx';
import type { Directory } from '../access/directory.ts';
import { RoleField, viewer } from '../access/role-field.tsx';

const text = texts.access;
const minutes = [5, 15, 30, 60];

/** Trusts the tokens of an issuer that meet conditions with a role at a place. */
export function TrustForm({ directory }: { readonly directory: Directory }) {
  const { orgId, tree } = directory;
  const first = {
    name: '',
    issuer: 'https://token.actions.githubusercontent.com',
    audience: 'truffle',
    conditions: [{ claim: 'repository', pattern: '' }],
    role: viewer,
    scopeId: orgId,
    lifetime: '15',
  };
  const [form, setForm] = useState(first);
  const change = (patch: Partial<typeof first>): void => setForm({ ...form, ...patch });
  const create = useMutation(TrustService.method.createTrust);
  const { name, issuer, audience, conditions, scopeId, role, lifetime } = form;
  return (
    <FormDialog
      title={text.newTrust}
      hint={text.trustHint}
      trigger={
        <Act permission="trust.create" on={tree.map(({ value }) => value)}>
          {text.newTrust}
        </Act>
      }
      action={texts.confirm.save}
      pending={create.isPending}
      error={create.error}
      onOpen={() => {
        create.reset();
        setForm(first);
      }}
      onSend={() =>
        create.mutateAsync({
          name,
          issuer,
          audience,
          conditions,
          scopeId,
          role: role.role,
          lifetimeSeconds: Number(lifetime) * 60,
        })
      }
    >
      <Field
        label={text.name}
        name="name"
        required
        value={name}
        onChange={(event) => change({ name: event.target.value })}
      />
      <Field
        label={text.issuer}
        name="issuer"
        type="url"
        required
        value={issuer}
        onChange={(event) => change({ issuer: event.target.value })}
      />
      <Field
        label={text.audience}
        name="audience"
        required
        hint={text.audienceHint}
        value={audience}
        onChange={(event) => change({ audience: event.target.value })}
      />
      <Conditions conditions={conditions} onChange={(next) => change({ conditions: next })} />
      <RoleField value={role} without={[Role.OWNER]} onChange={(next) => change({ role: next })} />
      <Choice label={text.place} value={scopeId} options={tree} onChange={(next) => change({ scopeId: next })} />
      <Choice
        label={text.lifetime}
        value={lifetime}
        options={minutes.map((each) => ({ value: String(each), label: text.minutes(each) }))}
        onChange={(next) => change({ lifetime: next })}
      />
    </FormDialog>
  );
}

interface Condition {
  readonly claim: string;
  readonly pattern: string;
}

interface ConditionsProps {
  readonly conditions: readonly Condition[];
  readonly onChange: (conditions: Condition[]) => void;
}

function Conditions({ conditions, onChange }: ConditionsProps) {
  return (
    <Flex direction="column" gap="2">
      <Text size="2" weight="medium">
        {text.conditions}
      </Text>
      <Rows rows={conditions} fresh={{ claim: '', pattern: '' }} add={text.addCondition} onChange={onChange}>
        {({ value: { claim, pattern }, at, put, drop }) => (
          <Flex gap="2" align="end">
            <Field
              label={text.claim}
              name={`claim-${at}`}
              required
              value={claim}
              onChange={(event) => put({ claim: event.target.value })}
            />
            <Field
              label={text.pattern}
              name={`pattern-${at}`}
              required
              value={pattern}
              placeholder="acme/site"
              onChange={(event) => put({ pattern: event.target.value })}
            />
            <Button type="button" variant="soft" color="gray" mb="5" disabled={conditions.length === 1} onClick={drop}>
              {text.drop}
            </Button>
          </Flex>
        )}
      </Rows>
      <Text size="1" color="gray">
        {text.conditionsHint}
      </Text>
    </Flex>
  );
}
