import { timestampMs } from '@bufbuild/protobuf/wkt';
import { useMutation } from '@connectrpc/connect-query';
import { Badge, Code, Text } from '@radix-ui/themes';
import { useNavigate, useSearch } from '@tanstack/react-router';
import type { ApiKey } from '@truffle/api/tenant/v1/account';
import { ApiKeyService } from '@truffle/api/tenant/v1/account_service';
import { useState } from 'react';
import { texts } from '../../texts/texts.ts';
import { Choice } from '../../ui/choice.tsx';
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
import { KeyForm } from './key-form.tsx';
import { RotateKey } from './rotate-key.tsx';

const text = texts.access;
const colors = { good: 'green', revoked: 'gray', over: 'amber' } as const;
const everybody = 'all';

function stateOf({ revokedAt, expiresAt }: ApiKey, now: number): keyof typeof colors {
  if (revokedAt !== undefined) return 'revoked';
  return expiresAt !== undefined && timestampMs(expiresAt) < now ? 'over' : 'good';
}

/** Keys that programs sign in with. */
export default function KeysPage() {
  const { account = everybody } = useSearch({ from: '/o/$org/access/keys' });
  const navigate = useNavigate({ from: '/o/$org/access/keys' });
  const [now] = useState(Date.now);
  const directory = useDirectory();
  const { orgId, nameOf } = directory;
  const sorting = useSorting('created_at desc');
  const asked = { orgId, serviceAccountId: account === everybody ? '' : account, orderBy: sorting.by };
  const pages = usePages(ApiKeyService.method.listApiKeys, asked, ({ apiKeys }) => apiKeys, {
    enabled: orgId !== '',
  });
  return (
    <Page title={text.keys} actions={<KeyForm directory={directory} account={account === everybody ? '' : account} />}>
      {directory.serviceAccounts.length > 0 && (
        <div className="filters">
          <Choice
            small
            label={text.whose}
            value={account}
            options={[{ value: everybody, label: text.everybodys }, ...directory.serviceAccounts]}
            onChange={(value) =>
              void navigate({
                search: (was) => ({ ...was, account: value === everybody ? undefined : value }),
                replace: true,
              })
            }
          />
        </div>
      )}
      <List
        label={text.keys}
        pages={pages}
        sorting={sorting}
        empty={<Empty title={text.noKeys} hint={text.keysHint} command="truffle api-key create ci --role operator" />}
        keyOf={({ id }) => id}
        columns={[
          { title: text.name, sort: 'name', cell: ({ name }) => <Text weight="medium">{name}</Text> },
          { title: text.hint, cell: ({ hint }) => <Code>{hint}…</Code> },
          {
            title: text.has,
            cell: ({ role, scopeId, serviceAccountId, permissions, scopeIds }) =>
              serviceAccountId === ''
                ? text.at(roleName(role, '', nameOf), nameOf(scopeId), false)
                : text.asAccount(nameOf(serviceAccountId), permissions.length, scopeIds.length),
          },
          {
            title: text.state,
            cell: (key) => (
              <Badge highContrast color={colors[stateOf(key, now)]}>
                {text.keyStates[stateOf(key, now)]}
              </Badge>
            ),
          },
          { title: text.made, sort: 'created_at', cell: ({ createdAt }) => <Ago at={createdAt} /> },
          {
            title: text.lastUsed,
            sort: 'last_used_at',
            cell: ({ lastUsedAt, lastUsedAddress }) => (
              <>
                <Ago at={lastUsedAt} /> {lastUsedAddress}
              </>
            ),
          },
          { title: text.ends, sort: 'expires_at', cell: ({ expiresAt }) => <Ago at={expiresAt} /> },
          { title: text.actions, cell: (key) => (key.revokedAt === undefined ? <Actions apiKey={key} /> : null) },
        ]}
      />
    </Page>
  );
}

function Actions({ apiKey }: { readonly apiKey: ApiKey }) {
  const { id, scopeId, name, previousHint, previousUntil } = apiKey;
  const revoke = useMutation(ApiKeyService.method.revokeApiKey);
  return (
    <div className="row-actions">
      <RotateKey apiKey={apiKey} />
      <Confirm
        title={text.revokeKeyTitle(name)}
        message={text.revokeKeyHint}
        action={text.revoke}
        name={name}
        onConfirm={() => revoke.mutate({ apiKeyId: id })}
      >
        <Act
          permission="api_key.revoke"
          on={scopeId}
          size="1"
          variant="soft"
          color="red"
          aria-label={text.revokeOf(name)}
        >
          {text.revoke}
        </Act>
      </Confirm>
      {previousHint !== '' && (
        <Text size="1" color="gray">
          {text.previous(previousHint)} <Ago at={previousUntil} />
        </Text>
      )}
      {revoke.error !== null && <Notice error={revoke.error} />}
    </div>
  );
}
