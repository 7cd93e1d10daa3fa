import { useMutation, useQuery } from '@connectrpc/connect-query';
import { ClusterState, type Cluster } from '@truffle/api/orchestration/v1/cluster';
import { ClusterService } from '@truffle/api/orchestration/v1/cluster_service';
import { Flex, Spinner, Tabs } from '@radix-ui/themes';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { lazy, Suspense, type ReactNode } from 'react';
import { texts } from '../../texts/texts.ts';
import { Confirm } from '../../ui/confirm.tsx';
import { FailureNotice } from '../../ui/failure.tsx';
import { Act } from '../../ui/may.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { EventList } from '../event/event-list.tsx';
import { OperationList } from '../operation/operation-list.tsx';
import { LatestLog } from '../operation/latest-log.tsx';
import { Steps } from '../operation/steps.tsx';
import { useOperation } from '../operation/watch.ts';
import { ServerTable } from '../server/server-table.tsx';
import { ClusterBadge } from './cluster-state.tsx';
import { ClusterFacts } from './facts.tsx';
import { Outputs } from './outputs.tsx';

// What draws and what reads templates is large: each comes with its tab.
const Topology = lazy(() => import('./topology.tsx'));
const Deployments = lazy(() => import('./deployments.tsx'));

const text = texts.cluster;
const from = '/o/$org/p/$project/clusters/$clusterId';

const tabs: readonly { readonly key: string; readonly title: string; readonly show: (of: Cluster) => ReactNode }[] = [
  { key: 'topology', title: text.topology, show: (cluster) => <Topology cluster={cluster} /> },
  { key: 'servers', title: text.servers, show: ({ id }) => <ServerTable clusterId={id} /> },
  { key: 'deployments', title: text.deployments, show: (cluster) => <Deployments cluster={cluster} /> },
  { key: 'outputs', title: text.outputs, show: (cluster) => <Outputs cluster={cluster} /> },
  { key: 'operations', title: texts.operation.many, show: ({ id }) => <OperationList clusterId={id} /> },
  { key: 'log', title: texts.operation.log, show: ({ id }) => <LatestLog clusterId={id} /> },
  { key: 'events', title: texts.event.many, show: ({ id, orgId }) => <EventList orgId={orgId} resourceId={id} /> },
];

export default function ClusterPage() {
  const { clusterId } = useParams({ from });
  const { tab = 'topology' } = useSearch({ from });
  const navigate = useNavigate({ from });
  const { data, error, refetch } = useQuery(ClusterService.method.getCluster, { clusterId });
  if (error !== null) return <Notice error={error} retry={() => void refetch()} />;
  const cluster = data?.cluster;
  if (cluster === undefined) return null;
  return (
    <Page
      title={cluster.name}
      badge={<ClusterBadge state={cluster.state} />}
      actions={<DeleteCluster cluster={cluster} />}
    >
      <FailureNotice failure={cluster.failure} />
      <Running operationId={cluster.operationId} />
      <ClusterFacts cluster={cluster} />
      <Tabs.Root value={tab} onValueChange={(next) => void navigate({ search: { tab: next }, replace: true })}>
        <Tabs.List wrap="wrap">
          {tabs.map(({ key, title }) => (
            <Tabs.Trigger key={key} value={key}>
              {title}
            </Tabs.Trigger>
          ))}
        </Tabs.List>
        {tabs.map(({ key, show }) => (
          <Tabs.Content key={key} value={key} className="tab">
            <Suspense fallback={<Waiting />}>{key === tab && show(cluster)}</Suspense>
          </Tabs.Content>
        ))}
      </Tabs.Root>
    </Page>
  );
}

const Waiting = () => (
  <Flex justify="center" p="6">
    <Spinner size="3" />
  </Flex>
);

/** The steps of what is being done to the cluster; nothing once it has ended. */
function Running({ operationId }: { readonly operationId: string }) {
  const { operation } = useOperation(operationId);
  return operation === undefined || operation.endedAt !== undefined ? null : <Steps operation={operation} />;
}

function DeleteCluster({ cluster }: { readonly cluster: Cluster }) {
  const navigate = useNavigate();
  const params = useParams({ from });
  const remove = useMutation(ClusterService.method.deleteCluster, {
    onSuccess: ({ operation }) =>
      void navigate({
        to: '/o/$org/p/$project/operations/$operationId',
        params: { ...params, operationId: operation?.id ?? '' },
      }),
  });
  if (cluster.state === ClusterState.DELETING || cluster.state === ClusterState.DELETED) return null;
  return (
    <>
      <Confirm
        title={text.deleteTitle(cluster.name)}
        message={text.deleteMessage(cluster.serverCount)}
        action={text.delete}
        name={cluster.name}
        onConfirm={() => remove.mutate({ clusterId: cluster.id, revision: cluster.revision })}
      >
        <Act permission="cluster.delete" on={cluster.id} color="red" variant="soft" loading={remove.isPending}>
          {text.delete}
        </Act>
      </Confirm>
      {remove.error !== null && <Notice error={remove.error} />}
    </>
  );
}
