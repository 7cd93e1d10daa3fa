import { useMutation } from '@connectrpc/connect-query';
import type { Group } from '@truffle/api/tenant/v1/group';
import { GroupService } from '@truffle/api/tenant/v1/group_service';
import type { ReactNode } from 'react';
import { texts } from '../../texts/texts.ts';
import { Field } from '../../ui/field.tsx';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { Merge } from '../../ui/merge.tsx';
import { useDraft, type DraftField } from '../../ui/draft.ts';
import { NameField } from '../../ui/name-field.tsx';

const text = texts.access;

interface Described {
  readonly name: string;
  readonly description: string;
}

const fields: readonly DraftField<Described>[] = [
  { key: 'name', label: text.name, show: ({ name }) => name },
  { key: 'description', label: text.about, show: ({ description }) => description },
];

interface GroupFormProps {
  readonly orgId: string;
  /** The group to change, as it is; unset for a new one. */
  readonly group?: Group;
  readonly trigger: ReactNode;
}

/** What a group is called and what it is for. */
export function GroupForm({ orgId, group, trigger }: GroupFormProps) {
  const draft = useDraft<Described>(group ?? { name: '', description: '' }, group?.revision ?? 0n, fields);
  const create = useMutation(GroupService.method.createGroup);
  const update = useMutation(GroupService.method.updateGroup);
  const { name, description } = draft.value;
  const { isPending, error } = group === undefined ? create : update;
  const save = (): Promise<unknown> =>
    group === undefined
      ? create.mutateAsync({ orgId, name, description })
      : update.mutateAsync({ groupId: group.id, name, description, revision: draft.revision });
  return (
    <FormDialog
      title={group === undefined ? text.newGroup : text.changeGroup}
      trigger={trigger}
      action={texts.confirm.save}
      pending={isPending}
      error={draft.stale ? null : error}
      onOpen={() => {
        create.reset();
        update.reset();
        draft.begin();
      }}
      onSend={save}
    >
      <Merge draft={draft} orgId={orgId} resourceId={group?.id ?? ''} />
      <NameField value={name} onChange={(called) => draft.set({ name: called })} />
      <Field
        label={text.about}
        name="description"
        maxLength={300}
        value={description}
        onChange={(event) => draft.set({ description: event.target.value })}
      />
    </FormDialog>
  );
}
