import { useMutation, useQuery } from '@connectrpc/connect-query';
import { Heading, Text } from '@radix-ui/themes';
import { AccessService } from '@truffle/api/tenant/v1/access_service';
import type { CustomRole } from '@truffle/api/tenant/v1/role';
import { RoleService } from '@truffle/api/tenant/v1/role_service';
import { usePlace } from '../../app/place.tsx';
import { texts } from '../../texts/texts.ts';
import { Delete } from '../../ui/delete.tsx';
import { List } from '../../ui/list.tsx';
import { Act } from '../../ui/may.tsx';
import { Empty, Notice } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { usePages } from '../../ui/pages.ts';
import { useSorting } from '../../ui/sorting.ts';
import { Ago } from '../../ui/time.tsx';
import { PermissionMatrix } from './permission-matrix.tsx';
import { RoleForm } from './role-form.tsx';

const text = texts.access;

/** What roles are made of: the organization's own, and those that are built in. */
export default function RolesPage() {
  const { organization } = usePlace();
  const orgId = organization?.id ?? '';
  const { data, error } = useQuery(AccessService.method.listPermissions);
  const permissions = data?.permissions ?? [];
  const sorting = useSorting('name');
  const asked = { orgId, orderBy: sorting.by };
  const pages = usePages(RoleService.method.listRoles, asked, ({ roles }) => roles, { enabled: orgId !== '' });
  const remove = useMutation(RoleService.method.deleteRole);
  const make = (
    <RoleForm
      orgId={orgId}
      permissions={permissions}
      trigger={
        <Act permission="role.create" on={orgId}>
          {text.newRole}
        </Act>
      }
    />
  );
  return (
    <Page title={text.roles} actions={make}>
      {remove.error !== null && <Notice error={remove.error} />}
      <List
        label={text.ownRoles}
        pages={pages}
        sorting={sorting}
        empty={
          <Empty
            title={text.noRoles}
            hint={text.rolesHint}
            command="truffle role create deployer --permission cluster.create --permission cluster.get"
          />
        }
        keyOf={({ id }) => id}
        columns={[
          { title: text.name, sort: 'name', cell: ({ name }) => <Text weight="medium">{name}</Text> },
          { title: text.about, cell: ({ description }) => description || '–' },
          { title: text.permissions, cell: (role) => text.permissionCount(role.permissions.length) },
          { title: text.made, sort: 'created_at', cell: ({ createdAt }) => <Ago at={createdAt} /> },
          {
            title: text.actions,
            cell: (role) => (
              <RoleActions
                {...{ role, permissions }}
                onDelete={({ id, revision }) => remove.mutate({ roleId: id, revision })}
              />
            ),
          },
        ]}
      />
      <Heading as="h2" size="4" mt="3">
        {text.matrix}
      </Heading>
      <Text color="gray" size="2">
        {text.matrixHint}
      </Text>
      {error === null ? (
        <PermissionMatrix permissions={permissions} own={pages.rows ?? []} />
      ) : (
        <Notice error={error} />
      )}
    </Page>
  );
}

interface RoleActionsProps {
  readonly role: CustomRole;
  readonly permissions: Parameters<typeof RoleForm>[0]['permissions'];
  readonly onDelete: (role: CustomRole) => void;
}

function RoleActions({ role, permissions, onDelete }: RoleActionsProps) {
  return (
    <div className="row-actions">
      <RoleForm
        orgId={role.orgId}
        role={role}
        permissions={permissions}
        trigger={
          <Act permission="role.update" on={role.orgId} size="1" variant="soft" aria-label={text.changeOf(role.name)}>
            {texts.confirm.change}
          </Act>
        }
      />
      <Delete
        name={role.name}
        hint={text.deleteRoleHint}
        permission="role.delete"
        on={role.orgId}
        onDelete={() => onDelete(role)}
      />
    </div>
  );
}
