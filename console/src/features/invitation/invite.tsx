import { useMutation } from '@connectrpc/connect-query';
import { InvitationService } from '@truffle/api/tenant/v1/invitation_service';
import { useState } from 'react';
import { texts } from '../../texts/texts.ts';
import { Choice } from '../../ui/choice.tsx';
import { Field } from '../../ui/field.tsx';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { Act } from '../../ui/may.tsx';
import type { Directory } from '../access/directory.ts';
import { RoleField, viewer } from '../access/role-field.tsx';

const text = texts.access;

/** Asks somebody by mail to come in with a role at a place. */
export function Invite({ directory }: { readonly directory: Directory }) {
  const { orgId, tree } = directory;
  const first = { email: '', role: viewer, scopeId: orgId };
  const [form, setForm] = useState(first);
  const invite = useMutation(InvitationService.method.createInvitation);
  return (
    <FormDialog
      title={text.invite}
      hint={text.inviteHint}
      trigger={
        <Act permission="invitation.create" on={tree.map(({ value }) => value)}>
          {text.invite}
        </Act>
      }
      action={text.inviteSend}
      pending={invite.isPending}
      error={invite.error}
      onOpen={() => {
        invite.reset();
        setForm(first);
      }}
      onSend={() => invite.mutateAsync({ email: form.email, role: form.role.role, scopeId: form.scopeId })}
    >
      <Field
        label={texts.account.email}
        name="email"
        type="email"
        required
        autoComplete="off"
        value={form.email}
        onChange={(event) => setForm({ ...form, email: event.target.value })}
      />
      <RoleField value={form.role} onChange={(role) => setForm({ ...form, role })} />
      <Choice
        label={text.place}
        value={form.scopeId}
        options={tree}
        onChange={(scopeId) => setForm({ ...form, scopeId })}
      />
    </FormDialog>
  );
}
