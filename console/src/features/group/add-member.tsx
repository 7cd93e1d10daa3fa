import { useMutation } from '@connectrpc/connect-query';
import { GroupService } from '@truffle/api/tenant/v1/group_service';
import { useState } from 'react';
import { texts } from '../../texts/texts.ts';
import { Choice } from '../../ui/choice.tsx';
import { Field } from '../../ui/field.tsx';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { Act } from '../../ui/may.tsx';
import type { Directory } from '../access/directory.ts';

const text = texts.access;
const byAddress = 'person';

/** Puts a person or a service account into a group. */
export function AddMember({ groupId, directory }: { readonly groupId: string; readonly directory: Directory }) {
  const [who, setWho] = useState(byAddress);
  const [email, setEmail] = useState('');
  const add = useMutation(GroupService.method.addGroupMember);
  return (
    <FormDialog
      title={text.addMember}
      trigger={
        <Act permission="group.update" on={directory.orgId}>
          {text.addMember}
        </Act>
      }
      action={text.addMember}
      pending={add.isPending}
      error={add.error}
      onOpen={() => {
        add.reset();
        setEmail('');
      }}
      onSend={() =>
        add.mutateAsync({ groupId, ...(who === byAddress ? { email } : { subject: `service_account:${who}` }) })
      }
    >
      <Choice
        label={text.whoField}
        value={who}
        options={[{ value: byAddress, label: text.aPerson }, ...directory.serviceAccounts]}
        onChange={setWho}
      />
      {who === byAddress && (
        <Field
          label={texts.account.email}
          name="email"
          type="email"
          required
          autoComplete="off"
          hint={text.memberHint}
          value={email}
          onChange={(event) => setEmail(event.target.value)}
        />
      )}
    </FormDialog>
  );
}
