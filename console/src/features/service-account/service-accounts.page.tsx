import { useMutation } from '@connectrpc/connect-query';
import { Badge, Text } from '@radix-ui/themes';
import { Link, useParams } from '@tanstack/react-router';
import type { ServiceAccount } from '@truffle/api/tenant/v1/service_account';
import { ServiceAccountService } from '@truffle/api/tenant/v1/service_account_service';
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
import { ServiceAccountForm } from './service-account-form.tsx';

const text = texts.access;

/** Accounts of programs. */
export default function ServiceAccountsPage() {
  const { org } = useParams({ from: '/o/$org/access/service-accounts' });
  const { organization } = usePlace();
  const orgId = organization?.id ?? '';
  const sorting = useSorting('name');
  const pages = usePages(
    ServiceAccountService.method.listServiceAccounts,
    { orgId, orderBy: sorting.by },
    ({ serviceAccounts }) => serviceAccounts,
    { enabled: orgId !== '' },
  );
  const make = (
    <ServiceAccountForm
      orgId={orgId}
      trigger={
        <Act permission="service_account.create" on={orgId}>
          {text.newServiceAccount}
        </Act>
      }
    />
  );
  return (
    <Page title={text.serviceAccounts} actions={make}>
      <List
        label={text.serviceAccounts}
        pages={pages}
        sorting={sorting}
        empty={
          <Empty
            title={text.noServiceAccounts}
            hint={text.serviceAccountsHint}
            command="truffle service-account create deployer"
          />
        }
        keyOf={({ id }) => id}
        columns={[
          {
            title: text.name,
            sort: 'name',
            cell: ({ id, name }) => (
              <Link to="/o/$org/access/keys" params={{ org }} search={{ account: id }} className="row-link">
                {name}
              </Link>
            ),
          },
          { title: text.about, cell: ({ description }) => <Text>{description || '–'}</Text> },
          {
            title: text.state,
            cell: ({ disabled }) => (
              <Badge highContrast color={disabled ? 'gray' : 'green'}>
                {disabled ? text.disabled : text.enabled}
              </Badge>
            ),
          },
          { title: text.made, sort: 'created_at', cell: ({ createdAt }) => <Ago at={createdAt} /> },
          { title: text.actions, cell: (account) => <Actions account={account} /> },
        ]}
      />
    </Page>
  );
}

function Actions({ account }: { readonly account: ServiceAccount }) {
  const { id, orgId, name, revision } = account;
  const remove = useMutation(ServiceAccountService.method.deleteServiceAccount);
  return (
    <div className="row-actions">
      <ServiceAccountForm
        orgId={orgId}
        account={account}
        trigger={
          <Act permission="service_account.update" on={orgId} size="1" variant="soft" aria-label={text.changeOf(name)}>
            {texts.confirm.change}
          </Act>
        }
      />
      <Delete
        name={name}
        hint={text.deleteServiceAccountHint}
        permission="service_account.delete"
        on={orgId}
        onDelete={() => remove.mutate({ serviceAccountId: id, revision })}
      />
      {remove.error !== null && <Notice error={remove.error} />}
    </div>
  );
}
