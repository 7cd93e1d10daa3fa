import { useMutation } from '@connectrpc/connect-query';
import type { Workspace } from '@truffle/api/tenant/v1/tenancy';
import { ProjectService } from '@truffle/api/tenant/v1/tenancy_service';
import { useState } from 'react';
import { texts } from '../../texts/texts.ts';
import { Choice } from '../../ui/choice.tsx';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { Act } from '../../ui/may.tsx';
import { NameField } from '../../ui/name-field.tsx';

const text = texts.project;

/** Makes a project in one of the workspaces. */
export function NewProject({ workspaces }: { readonly workspaces: readonly Workspace[] }) {
  const create = useMutation(ProjectService.method.createProject);
  const [name, setName] = useState('');
  const [chosen, setChosen] = useState('');
  const workspaceId = chosen === '' ? (workspaces[0]?.id ?? '') : chosen;
  return (
    <FormDialog
      title={text.make}
      hint={text.hint}
      trigger={
        <Act permission="project.create" on={workspaces.map(({ id }) => id)}>
          {text.make}
        </Act>
      }
      action={text.create}
      pending={create.isPending}
      error={create.error}
      onOpen={() => {
        create.reset();
        setName('');
      }}
      onSend={() => create.mutateAsync({ workspaceId, name })}
    >
      <NameField value={name} onChange={setName} />
      <Choice
        label={text.workspace}
        value={workspaceId}
        options={workspaces.map((each) => ({ value: each.id, label: each.name }))}
        onChange={setChosen}
      />
    </FormDialog>
  );
}
