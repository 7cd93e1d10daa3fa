import { useMutation } from '@connectrpc/connect-query';
import type { Permission } from '@truffle/api/tenant/v1/access';
import type { CustomRole } from '@truffle/api/tenant/v1/role';
import { RoleService } from '@truffle/api/tenant/v1/role_service';
import type { ReactNode } from 'react';
import { texts } from '../../texts/texts.ts';
import { mergeLists, useDraft, type DraftField } from '../../ui/draft.ts';
import { Field } from '../../ui/field.tsx';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { Merge } from '../../ui/merge.tsx';
import { PermissionChoice } from './permission-choice.tsx';
import { NameField } from '../../ui/name-field.tsx';

const text = texts.access;

interface Made {
  readonly name: string;
  readonly description: string;
  readonly permissions: readonly string[];
}

const fields: readonly DraftField<Made>[] = [
  { key: 'description', label: text.about, show: ({ description }) => description },
  {
    key: 'permissions',
    label: text.permissions,
    show: ({ permissions }) => permissions.toSorted().join(', '),
    both: (base, mine, theirs) => ({ permissions: mergeLists(base.permissions, mine.permissions, theirs.permissions) }),
  },
];

interface RoleFormProps {
  readonly orgId: string;
  readonly permissions: readonly Permission[];
  /** The role to change, as it is; unset for a new one. */
  readonly role?: CustomRole;
  readonly trigger: ReactNode;
}

/** What a role of the organization's own is made of. */
export function RoleForm({ orgId, permissions, role, trigger }: RoleFormProps) {
  const draft = useDraft<Made>(role ?? { name: '', description: '', permissions: [] }, role?.revision ?? 0n, fields);
  const create = useMutation(RoleService.method.createRole);
  const update = useMutation(RoleService.method.updateRole);
  const { isPending, error } = role === undefined ? create : update;
  const { name, description, permissions: chosen } = draft.value;
  const made = { description, permissions: [...chosen] };
  return (
    <FormDialog
      wide
      title={role === undefined ? text.newRole : text.changeOf(role.name)}
      hint={text.roleFormHint}
      trigger={trigger}
      action={texts.confirm.save}
      pending={isPending}
      error={draft.stale ? null : error}
      onOpen={() => {
        create.reset();
        update.reset();
        draft.begin();
      }}
      onSend={() =>
        role === undefined
          ? create.mutateAsync({ orgId, name, ...made })
          : update.mutateAsync({ roleId: role.id, revision: draft.revision, ...made })
      }
    >
      <Merge draft={draft} orgId={orgId} resourceId={role?.id ?? ''} />
      {role === undefined && <NameField value={name} onChange={(called) => draft.set({ name: called })} />}
      <Field
        label={text.about}
        name="description"
        maxLength={300}
        value={description}
        onChange={(event) => draft.set({ description: event.target.value })}
      />
      <PermissionChoice
        permissions={permissions}
        chosen={chosen}
        onChange={(next) => draft.set({ permissions: next })}
      />
    </FormDialog>
  );
}
