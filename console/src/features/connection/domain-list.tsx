import { useMutation } from '@connectrpc/connect-query';
import { Badge, Text } from '@radix-ui/themes';
import type { Domain } from '@truffle/api/tenant/v1/connection';
import { ConnectionService } from '@truffle/api/tenant/v1/connection_service';
import { texts } from '../../texts/texts.ts';
import { Confirm } from '../../ui/confirm.tsx';
import { Copy } from '../../ui/copy.tsx';
import { List } from '../../ui/list.tsx';
import { Act } from '../../ui/may.tsx';
import { Notice } from '../../ui/notice.tsx';
import { usePages } from '../../ui/pages.ts';
import { useSorting } from '../../ui/sorting.ts';
import { Ago } from '../../ui/time.tsx';

const text = texts.security;

/** The domains of addresses that are the organization's, and what is demanded of their people. */
export function DomainList({ orgId }: { readonly orgId: string }) {
  const sorting = useSorting('domain');
  const asked = { orgId, orderBy: sorting.by };
  const pages = usePages(ConnectionService.method.listDomains, asked, ({ domains }) => domains, {
    enabled: orgId !== '',
  });
  return (
    <List
      label={text.domains}
      pages={pages}
      sorting={sorting}
      empty={<Text color="gray">{text.noDomains}</Text>}
      keyOf={({ domain }) => domain}
      columns={[
        { title: text.domain, sort: 'domain', cell: ({ domain }) => <Text weight="medium">{domain}</Text> },
        {
          title: text.proven,
          sort: 'verified_at',
          cell: ({ verifiedAt }) =>
            verifiedAt === undefined ? (
              <Badge highContrast color="amber">
                {text.notProven}
              </Badge>
            ) : (
              <Ago at={verifiedAt} />
            ),
        },
        {
          title: text.record,
          cell: ({ recordName, recordValue }) => <Copy text={`${recordName} TXT "${recordValue}"`} />,
        },
        {
          title: text.demanded,
          cell: ({ required }) => (
            <Badge highContrast color={required ? 'green' : 'gray'}>
              {required ? text.providerOnly : text.passwordsToo}
            </Badge>
          ),
        },
        { title: texts.access.actions, cell: (domain) => <Actions domain={domain} /> },
      ]}
    />
  );
}

function Actions({ domain: { orgId, connectionId, domain, required, verifiedAt } }: { readonly domain: Domain }) {
  const verify = useMutation(ConnectionService.method.verifyDomain);
  const demand = useMutation(ConnectionService.method.requireDomain);
  const remove = useMutation(ConnectionService.method.removeDomain);
  const error = verify.error ?? demand.error ?? remove.error;
  const act = { permission: 'connection.manage', on: orgId, size: '1', variant: 'soft' } as const;
  const what = { connectionId, domain };
  return (
    <div className="row-actions">
      {verifiedAt === undefined ? (
        <Act {...act} loading={verify.isPending} onClick={() => verify.mutate(what)}>
          {text.verify}
        </Act>
      ) : (
        <Confirm
          title={required ? text.letPasswords(domain) : text.demandProvider(domain)}
          message={required ? text.letPasswordsHint : text.demandProviderHint}
          action={required ? text.passwordsToo : text.providerOnly}
          onConfirm={() => demand.mutate({ ...what, required: !required })}
        >
          <Act {...act} loading={demand.isPending}>
            {required ? text.passwordsToo : text.providerOnly}
          </Act>
        </Confirm>
      )}
      <Confirm
        title={text.removeDomain(domain)}
        message={text.removeDomainHint}
        action={text.remove}
        name={domain}
        onConfirm={() => remove.mutate(what)}
      >
        <Act {...act} color="red">
          {text.remove}
        </Act>
      </Confirm>
      {error !== null && <Notice error={error} />}
    </div>
  );
}
