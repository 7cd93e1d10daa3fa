import { useMutation } from '@connectrpc/connect-query';
import { Badge, Code, Text } from '@radix-ui/themes';
import type { Connection } from '@truffle/api/tenant/v1/connection';
import { ConnectionService } from '@truffle/api/tenant/v1/connection_service';
import { texts } from '../../texts/texts.ts';
import { Delete } from '../../ui/delete.tsx';
import { Copy } from '../../ui/copy.tsx';
import { List } from '../../ui/list.tsx';
import { Empty, Notice } from '../../ui/notice.tsx';
import { usePages } from '../../ui/pages.ts';
import { useSorting } from '../../ui/sorting.ts';
import type { Directory } from '../access/directory.ts';
import { AddDomain } from './add-domain.tsx';
import { ConnectionForm } from './connection-form.tsx';

const text = texts.security;

/** The OpenID providers that people of the organization sign in by. */
export function ConnectionList({ directory }: { readonly directory: Directory }) {
  const { orgId } = directory;
  // The page has another list, whose order is `sort`.
  const sorting = useSorting('created_at desc', 'providers');
  const asked = { orgId, orderBy: sorting.by };
  const pages = usePages(ConnectionService.method.listConnections, asked, ({ connections }) => connections, {
    enabled: orgId !== '',
  });
  return (
    <List
      label={text.providers}
      pages={pages}
      sorting={sorting}
      empty={
        <Empty
          title={text.noProviders}
          hint={text.providersHint}
          command="truffle sso create staff --issuer https://login.acme.example --client-id truffle"
        />
      }
      keyOf={({ id }) => id}
      columns={[
        { title: texts.access.name, sort: 'name', cell: ({ name }) => <Text weight="medium">{name}</Text> },
        { title: texts.access.issuer, sort: 'issuer', cell: ({ issuer }) => <Code>{issuer}</Code> },
        {
          title: texts.access.state,
          cell: ({ enabled }) => (
            <Badge highContrast color={enabled ? 'green' : 'gray'}>
              {enabled ? text.on : text.off}
            </Badge>
          ),
        },
        { title: text.redirect, cell: ({ redirectUri }) => <Copy text={redirectUri} /> },
        {
          title: text.gives,
          cell: ({ mappings }) => (mappings.length === 0 ? text.givesNothing : text.mappingCount(mappings.length)),
        },
        {
          title: texts.access.actions,
          cell: (connection) => <Actions connection={connection} directory={directory} />,
        },
      ]}
    />
  );
}

function Actions({ connection, directory }: { readonly connection: Connection; readonly directory: Directory }) {
  const { id, orgId, name } = connection;
  const remove = useMutation(ConnectionService.method.deleteConnection);
  return (
    <div className="row-actions">
      <ConnectionForm directory={directory} connection={connection} />
      <AddDomain connection={connection} />
      <Delete
        name={name}
        hint={text.deleteConnectionHint}
        permission="connection.manage"
        on={orgId}
        onDelete={() => remove.mutate({ connectionId: id })}
      />
      {remove.error !== null && <Notice error={remove.error} />}
    </div>
  );
}
