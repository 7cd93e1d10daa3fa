import { useMutation } from '@connectrpc/connect-query';
import { Flex } from '@radix-ui/themes';
import { Effect } from '@truffle/api/tenant/v1/account';
import { MemberService } from '@truffle/api/tenant/v1/account_service';
import { useState } from 'react';
import { texts } from '../../texts/texts.ts';
import { Choice } from '../../ui/choice.tsx';
import { Field } from '../../ui/field.tsx';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { Act } from '../../ui/may.tsx';
import { momentOf } from '../../ui/moment.ts';
import type { Directory } from '../access/directory.ts';
import { RoleField, viewer } from '../access/role-field.tsx';

const text = texts.access;
const effects = [Effect.ALLOW, Effect.DENY];
/** Stands for a person, who is named by an address. */
const byAddress = 'person';

/** Gives somebody a role at a place, for good or for a time; or takes what it is made of away from them there. */
export function Give({ directory }: { readonly directory: Directory }) {
  const { orgId, places, groups, serviceAccounts, roles } = directory;
  const first = { who: byAddress, email: '', role: viewer, scopeId: orgId, effect: Effect.ALLOW, from: '', until: '' };
  const [form, setForm] = useState(first);
  const set = useMutation(MemberService.method.setBinding);
  const change = (patch: Partial<typeof first>): void => setForm({ ...form, ...patch });
  const subject = form.who.startsWith('grp_') ? `group:${form.who}` : `service_account:${form.who}`;
  const send = () =>
    set.mutateAsync({
      ...(form.who === byAddress ? { email: form.email } : { subject }),
      ...form.role,
      scopeId: form.scopeId,
      effect: form.effect,
      startsAt: momentOf(form.from),
      expiresAt: momentOf(form.until),
    });
  return (
    <FormDialog
      title={text.give}
      hint={text.giveHint}
      trigger={
        <Act permission="member.set" on={places.map(({ value }) => value)}>
          {text.give}
        </Act>
      }
      action={text.giveSend}
      pending={set.isPending}
      error={set.error}
      onOpen={() => {
        set.reset();
        setForm(first);
      }}
      onSend={send}
    >
      <Choice
        label={text.whoField}
        value={form.who}
        options={[{ value: byAddress, label: text.aPerson }, ...groups, ...serviceAccounts]}
        onChange={(who) => change({ who })}
      />
      {form.who === byAddress && (
        <Field
          label={texts.account.email}
          name="email"
          type="email"
          required
          autoComplete="off"
          hint={text.memberHint}
          value={form.email}
          onChange={(event) => change({ email: event.target.value })}
        />
      )}
      <RoleField value={form.role} own={roles} onChange={(role) => change({ role })} />
      <Choice label={text.place} value={form.scopeId} options={places} onChange={(scopeId) => change({ scopeId })} />
      <Choice
        label={text.effect}
        value={String(form.effect)}
        options={effects.map((each) => ({
          value: String(each),
          label: text.effectChoices[each] ?? '',
        }))}
        onChange={(effect) => change({ effect: effects.find((each) => String(each) === effect) ?? Effect.ALLOW })}
      />
      <Times from={form.from} until={form.until} onChange={change} />
    </FormDialog>
  );
}

interface TimesProps {
  readonly from: string;
  readonly until: string;
  readonly onChange: (patch: { readonly from?: string; readonly until?: string }) => void;
}

function Times({ from, until, onChange }: TimesProps) {
  return (
    <Flex gap="3" wrap="wrap">
      <Field
        label={text.begins}
        name="from"
        type="datetime-local"
        hint={text.emptyNow}
        value={from}
        onChange={(event) => onChange({ from: event.target.value })}
      />
      <Field
        label={text.ends}
        name="until"
        type="datetime-local"
        hint={text.emptyNever}
        value={until}
        onChange={(event) => onChange({ until: event.target.value })}
      />
    </Flex>
  );
}
