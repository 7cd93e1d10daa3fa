import { useMutation } from '@connectrpc/connect-query';
import { WorkspaceService } from '@truffle/api/tenant/v1/tenancy_service';
import { useState } from 'react';
import { texts } from '../../texts/texts.ts';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { Act } from '../../ui/may.tsx';
import { NameField } from '../../ui/name-field.tsx';

const text = texts.project;

/** Makes a workspace, a part of the organization that projects are in. */
export function NewWorkspace({ orgId }: { readonly orgId: string }) {
  const create = useMutation(WorkspaceService.method.createWorkspace);
  const [name, setName] = useState('');
  return (
    <FormDialog
      title={text.makeWorkspace}
      hint={text.workspacesHint}
      trigger={
        <Act permission="workspace.create" on={orgId} variant="soft">
          {text.makeWorkspace}
        </Act>
      }
      action={text.create}
      pending={create.isPending}
      error={create.error}
      onOpen={() => {
        create.reset();
        setName('');
      }}
      onSend={() => create.mutateAsync({ orgId, name })}
    >
      <NameField value={name} onChange={setName} />
    </FormDialog>
  );
}
