import { useQuery } from '@connectrpc/connect-query';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { HealthState, PowerState, type Server } from '@truffle/api/orchestration/v1/cluster';
import { ClusterService, ServerService } from '@truffle/api/orchestration/v1/cluster_service';
import { Callout, Code, DataList, Flex, Spinner, Tabs } from '@radix-ui/themes';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { lazy, Suspense, type ReactNode } from 'react';
import { texts } from '../../texts/texts.ts';
import { bytes } from '../../ui/bytes.ts';
import { Copy } from '../../ui/copy.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { Ago } from '../../ui/time.tsx';
import { ServerBadge } from '../cluster/cluster-state.tsx';
import { EventList } from '../event/event-list.tsx';
import { LatestLog } from '../operation/latest-log.tsx';
import { LatestSteps } from '../operation/latest-steps.tsx';
import { ServerButtons } from './server-buttons.tsx';
import { ServerHealth } from './server-health.tsx';
import { SnapshotList } from './snapshot-list.tsx';

// The chart's library comes with its tab.
const Metrics = lazy(() => import('./metrics.tsx'));

const text = texts.server;
const from = '/o/$org/p/$project/servers/$serverId';

const tabs: readonly { readonly key: string; readonly title: string; readonly show: (of: Server) => ReactNode }[] = [
  { key: 'steps', title: texts.operation.steps, show: (server) => <LatestSteps server={server} /> },
  { key: 'metrics', title: text.metrics, show: ({ id }) => <Metrics serverId={id} /> },
  { key: 'snapshots', title: text.snapshots, show: (server) => <SnapshotList server={server} /> },
  {
    key: 'log',
    title: texts.operation.log,
    show: ({ id, clusterId }) => <LatestLog clusterId={clusterId} serverId={id} />,
  },
  { key: 'events', title: texts.event.many, show: ({ id, orgId }) => <EventList orgId={orgId} resourceId={id} /> },
];

export default function ServerPage() {
  const { serverId } = useParams({ from });
  const { tab = 'steps' } = useSearch({ from });
  const navigate = useNavigate({ from });
  const { data, error, refetch } = useQuery(ServerService.method.getServer, { serverId });
  if (error !== null) return <Notice error={error} retry={() => void refetch()} />;
  const server = data?.server;
  if (server === undefined) return null;
  return (
    <Page
      title={server.name}
      badge={
        <>
          <ServerBadge state={server.state} /> <ServerHealth health={server.health} />
        </>
      }
      actions={<ServerButtons server={server} />}
    >
      <Amiss server={server} />
      <Facts server={server} />
      <Tabs.Root
        value={tab}
        onValueChange={(next) => void navigate({ search: (was) => ({ ...was, tab: next }), replace: true })}
      >
        <Tabs.List wrap="wrap">
          {tabs.map(({ key, title }) => (
            <Tabs.Trigger key={key} value={key}>
              {title}
            </Tabs.Trigger>
          ))}
        </Tabs.List>
        {tabs.map(({ key, show }) => (
          <Tabs.Content key={key} value={key} className="tab">
            <Suspense fallback={<Spinner size="3" />}>{key === tab && show(server)}</Suspense>
          </Tabs.Content>
        ))}
      </Tabs.Root>
    </Page>
  );
}

/** What its health checks found, and what was done about it. */
function Amiss({ server: { health, healthDetail, healthAt } }: { readonly server: Server }) {
  if (healthDetail === '') return null;
  const color = health === HealthState.UNHEALTHY ? 'red' : health === HealthState.REMEDIED ? 'amber' : 'green';
  return (
    <Callout.Root highContrast color={color} role="status">
      <Callout.Text>
        {healthDetail} {healthAt !== undefined && <Ago at={timestampMs(healthAt)} />}
      </Callout.Text>
    </Callout.Root>
  );
}

function Facts({ server }: { readonly server: Server }) {
  const { org, project } = useParams({ from });
  const { clusterId, address, addressSource, node, vmid, role, index, power } = server;
  const { data } = useQuery(ClusterService.method.getCluster, { clusterId });
  const facts = [
    [
      texts.cluster.one,
      <Link key="cluster" to="/o/$org/p/$project/clusters/$clusterId" params={{ org, project, clusterId }}>
        {data?.cluster?.name ?? clusterId}
      </Link>,
    ],
    [text.role, text.nth(role, index)],
    [text.power, power === PowerState.STOPPED ? text.stopped : power === PowerState.RUNNING ? text.runs : '–'],
    [
      text.address,
      address === '' ? (
        '–'
      ) : (
        <Flex key="address" gap="2" align="center" wrap="wrap">
          <Copy text={address} /> {text.sources[addressSource]}
        </Flex>
      ),
    ],
    [text.place, vmid === 0 ? '–' : `${node} · ${vmid}`],
    [text.size, text.sizes(server.cpu, bytes(server.memoryBytes), bytes(server.diskBytes))],
    [text.id, <Code key="id">{server.id}</Code>],
  ] as const;
  return (
    <DataList.Root size="2">
      {facts.map(([label, value]) => (
        <DataList.Item key={label}>
          <DataList.Label>{label}</DataList.Label>
          <DataList.Value>{value}</DataList.Value>
        </DataList.Item>
      ))}
    </DataList.Root>
  );
}
