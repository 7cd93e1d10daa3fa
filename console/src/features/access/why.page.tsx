import { useQuery } from '@connectrpc/connect-query';
import { Badge, Callout, Flex, Heading, Text } from '@radix-ui/themes';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { AccessVerdict, type AccessReason } from '@truffle/api/tenant/v1/access';
import { AccessService } from '@truffle/api/tenant/v1/access_service';
import { Check, X } from 'lucide-react';
import { texts } from '../../texts/texts.ts';
import { Choice } from '../../ui/choice.tsx';
import { Filter } from '../../ui/filter.tsx';
import { List } from '../../ui/list.tsx';
import { Empty, Notice } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { usePages } from '../../ui/pages.ts';
import { ListTable } from '../../ui/table.tsx';
import { useDirectory, type Directory } from './directory.ts';

const text = texts.access;
const id = /^[a-z]{2,3}_[0-9a-hjkmnp-tv-z]{26}$/;
const fullSubject = /^(?:user:usr|service_account:sva|key:key)_/;

/** Why somebody may or may not do something, and who may: a question that the address holds. */
export default function WhyPage() {
  const { permission = 'cluster.create', resource = '', who = '' } = useSearch({ from: '/o/$org/access/why' });
  const navigate = useNavigate({ from: '/o/$org/access/why' });
  const directory = useDirectory();
  const { data } = useQuery(AccessService.method.listPermissions);
  const permissions = data?.permissions ?? [];
  const on = id.test(resource) ? resource : directory.orgId;
  const set = (patch: { permission?: string; resource?: string; who?: string }): void =>
    void navigate({ search: (was) => ({ ...was, ...patch }), replace: true });
  const known = directory.places.some(({ value }) => value === on);
  return (
    <Page title={text.whyTitle}>
      <Text color="gray" size="2">
        {text.whyHint}
      </Text>
      <Flex gap="3" wrap="wrap" align="end">
        <Choice
          small
          label={text.permission}
          value={permission}
          options={permissions.map(({ name }) => ({ value: name, label: name }))}
          onChange={(value) => set({ permission: value })}
        />
        <Choice
          small
          label={text.place}
          value={on}
          options={known ? directory.places : [...directory.places, { value: on, label: on }]}
          onChange={(value) => set({ resource: value })}
        />
        <Filter
          label={text.orId}
          value={known ? '' : on}
          placeholder="clu_…"
          onChange={(value) => set({ resource: value })}
        />
        <Filter
          label={text.whoField}
          value={who}
          placeholder={text.whoHint}
          onChange={(value) => set({ who: value })}
        />
      </Flex>
      <Text size="2">{permissions.find(({ name }) => name === permission)?.sentences[0]}</Text>
      {on !== '' &&
        (who === '' ? <Holders {...{ permission, on, directory }} /> : <Why {...{ permission, on, who, directory }} />)}
    </Page>
  );
}

interface Asked {
  readonly permission: string;
  readonly on: string;
  readonly directory: Directory;
}

function Holders({ permission, on, directory }: Asked) {
  const pages = usePages(AccessService.method.whoCan, { permission, resourceId: on }, ({ holders }) => holders);
  return (
    <>
      <Heading as="h2" size="4">
        {text.whoCan}
      </Heading>
      <List
        label={text.whoCan}
        pages={pages}
        empty={
          <Empty title={text.nobody} hint={text.nobodyHint} command={`truffle access who-can ${permission} ${on}`} />
        }
        keyOf={({ subject }) => subject}
        columns={[
          { title: text.whoField, cell: ({ displayName, subject }) => displayName || subject },
          { title: text.by, cell: ({ reasons }) => <Reasons reasons={reasons} directory={directory} /> },
        ]}
      />
    </>
  );
}

const Reasons = ({
  reasons,
  directory,
}: {
  readonly reasons: readonly AccessReason[];
  readonly directory: Directory;
}) =>
  reasons
    .map(({ roleName, groupName, binding }) =>
      text.reason(roleName, groupName, directory.nameOf(binding?.scopeId ?? '')),
    )
    .join('; ');

function Why({ permission, on, who, directory }: Asked & { readonly who: string }) {
  const asked = fullSubject.test(who) ? { subject: who } : { email: who };
  const { data, error, refetch } = useQuery(AccessService.method.explainAccess, {
    permission,
    resourceId: on,
    ...asked,
  });
  if (error !== null) return <Notice error={error} retry={() => void refetch()} />;
  if (data === undefined) return null;
  return (
    <>
      <Callout.Root highContrast color={data.allowed ? 'green' : 'red'} role="status">
        <Callout.Icon>{data.allowed ? <Check size={16} /> : <X size={16} />}</Callout.Icon>
        <Callout.Text>{data.summary}</Callout.Text>
      </Callout.Root>
      <ListTable
        label={text.reasons}
        rows={data.reasons}
        keyOf={({ binding, groupName }) => `${binding?.id}/${groupName}`}
        columns={[
          { title: text.role, cell: ({ roleName }) => roleName },
          { title: text.place, cell: ({ binding }) => directory.nameOf(binding?.scopeId ?? '') },
          { title: text.group, cell: ({ groupName }) => groupName || '–' },
          {
            title: text.verdict,
            cell: ({ verdict }) => (
              <Badge highContrast color={verdictColors[verdict]}>
                {text.verdicts[verdict]}
              </Badge>
            ),
          },
        ]}
      />
    </>
  );
}

const verdictColors = {
  [AccessVerdict.UNSPECIFIED]: 'gray',
  [AccessVerdict.ALLOWS]: 'green',
  [AccessVerdict.DENIES]: 'red',
  [AccessVerdict.OTHER_PERMISSIONS]: 'gray',
  [AccessVerdict.ELSEWHERE]: 'gray',
  [AccessVerdict.NOT_YET]: 'amber',
  [AccessVerdict.EXPIRED]: 'amber',
  [AccessVerdict.NARROWED]: 'amber',
} as const;
