import { useMutation } from '@connectrpc/connect-query';
import { Badge, Code, Flex, Text } from '@radix-ui/themes';
import type { Trust } from '@truffle/api/tenant/v1/trust';
import { TrustService } from '@truffle/api/tenant/v1/trust_service';
import { texts } from '../../texts/texts.ts';
import { Confirm } from '../../ui/confirm.tsx';
import { List } from '../../ui/list.tsx';
import { Act } from '../../ui/may.tsx';
import { Empty, Notice } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { usePages } from '../../ui/pages.ts';
import { useSorting } from '../../ui/sorting.ts';
import { Ago } from '../../ui/time.tsx';
import { useDirectory } from '../access/directory.ts';
import { roleName } from '../access/role-field.tsx';
import { TrustForm } from './trust-form.tsx';
import { WorkloadTokens } from './workload-tokens.tsx';

const text = texts.access;

/** Issuers outside whose workloads get short-lived tokens here, so that they need no secret. */
export default function TrustsPage() {
  const directory = useDirectory();
  const { orgId, nameOf } = directory;
  const sorting = useSorting('created_at desc');
  const asked = { orgId, orderBy: sorting.by };
  const pages = usePages(TrustService.method.listTrusts, asked, ({ trusts }) => trusts, { enabled: orgId !== '' });
  return (
    <Page title={text.trusts} actions={<TrustForm directory={directory} />}>
      <List
        label={text.trusts}
        pages={pages}
        sorting={sorting}
        empty={
          <Empty
            title={text.noTrusts}
            hint={text.trustsHint}
            command="truffle trust create deploy --issuer https://token.actions.githubusercontent.com --audience truffle --condition repository=acme/site --role operator"
          />
        }
        keyOf={({ id }) => id}
        columns={[
          { title: text.name, sort: 'name', cell: ({ name }) => <Text weight="medium">{name}</Text> },
          { title: text.issuer, sort: 'issuer', cell: ({ issuer }) => <Code>{issuer}</Code> },
          {
            title: text.conditions,
            cell: ({ conditions }) => (
              <Flex direction="column">
                {conditions.map(({ claim, pattern }) => (
                  <Code key={claim + pattern} size="1">
                    {claim} = {pattern}
                  </Code>
                ))}
              </Flex>
            ),
          },
          { title: text.has, cell: ({ role, scopeId }) => text.at(roleName(role, '', nameOf), nameOf(scopeId), false) },
          {
            title: text.state,
            cell: ({ revokedAt }) => (
              <Badge highContrast color={revokedAt === undefined ? 'green' : 'gray'}>
                {revokedAt === undefined ? text.keyStates.good : text.keyStates.revoked}
              </Badge>
            ),
          },
          { title: text.made, sort: 'created_at', cell: ({ createdAt }) => <Ago at={createdAt} /> },
          { title: text.actions, cell: (trust) => <Actions trust={trust} /> },
        ]}
      />
    </Page>
  );
}

function Actions({ trust }: { readonly trust: Trust }) {
  const { id, scopeId, name, revokedAt } = trust;
  const revoke = useMutation(TrustService.method.revokeTrust);
  return (
    <div className="row-actions">
      <WorkloadTokens trust={trust} />
      {revokedAt === undefined && (
        <Confirm
          title={text.revokeKeyTitle(name)}
          message={text.revokeTrustHint}
          action={text.revoke}
          name={name}
          onConfirm={() => revoke.mutate({ trustId: id })}
        >
          <Act
            permission="trust.revoke"
            on={scopeId}
            size="1"
            variant="soft"
            color="red"
            aria-label={text.revokeOf(name)}
          >
            {text.revoke}
          </Act>
        </Confirm>
      )}
      {revoke.error !== null && <Notice error={revoke.error} />}
    </div>
  );
}
