import { Table, Text } from '@radix-ui/themes';
import type { Permission } from '@truffle/api/tenant/v1/access';
import { Role } from '@truffle/api/tenant/v1/account';
import type { CustomRole } from '@truffle/api/tenant/v1/role';
import { Check } from 'lucide-react';
import { texts } from '../../texts/texts.ts';
import { useNamedTable } from '../../ui/table.tsx';

const text = texts.access;
const builtIn = [Role.VIEWER, Role.OPERATOR, Role.ADMIN, Role.OWNER, Role.AUDITOR];

interface PermissionMatrixProps {
  readonly permissions: readonly Permission[];
  /** The organization's own roles. */
  readonly own: readonly CustomRole[];
}

/** Which role is made of what. */
export function PermissionMatrix({ permissions, own }: PermissionMatrixProps) {
  const roles = [
    ...builtIn.map((role) => ({
      key: String(role),
      name: text.roleNames[role] ?? '',
      has: (permission: Permission) => permission.roles.includes(role),
    })),
    ...own.map(({ id, name, permissions: made }) => ({
      key: id,
      name,
      has: ({ name: permission }: Permission) => made.includes(permission),
    })),
  ];
  const root = useNamedTable(text.matrix, permissions.length + 1);
  return (
    <Table.Root variant="surface" size="1" ref={root}>
      <Table.Header>
        <Table.Row>
          <Table.ColumnHeaderCell>{text.permission}</Table.ColumnHeaderCell>
          {roles.map(({ key, name }) => (
            <Table.ColumnHeaderCell key={key} justify="center">
              {name}
            </Table.ColumnHeaderCell>
          ))}
        </Table.Row>
      </Table.Header>
      <Table.Body>
        {permissions.map((permission) => (
          <Table.Row key={permission.name} align="center">
            <Table.RowHeaderCell>
              <Text weight="medium" size="2">
                {permission.name}
              </Text>
              <Text as="div" size="1" color="gray">
                {permission.sentences[0]}
              </Text>
            </Table.RowHeaderCell>
            {roles.map(({ key, has }) => (
              <Table.Cell key={key} justify="center">
                {has(permission) ? (
                  <Check size={16} color="var(--green-11)" role="img" aria-label={text.yes} />
                ) : (
                  <Text color="gray" aria-label={text.no} role="img">
                    ·
                  </Text>
                )}
              </Table.Cell>
            ))}
          </Table.Row>
        ))}
      </Table.Body>
    </Table.Root>
  );
}
