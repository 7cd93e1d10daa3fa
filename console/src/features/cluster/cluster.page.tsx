import { useMutation, useQuery } from '@connectrpc/connect-query';
import { ClusterState, type Cluster } from '@truffle/api/orchestration/v1/cluster';
import { ClusterService } from '@truffle/api/orchestration/v1/cluster_service';
import { Tabs } from '@radix-ui/themes';
import { useNavigate, useParams } from '@tanstack/react-router';
import { useMay } from '../../app/may.ts';
import { texts } from '../../texts/texts.ts';
import { Action } from '../../ui/action.tsx';
import { Confirm } from '../../ui/confirm.tsx';
import { FailureNotice } from '../../ui/failure.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { OperationLog } from '../operation/log.tsx';
import { OperationList } from '../operation/operation-list.tsx';
import { Steps } from '../operation/steps.tsx';
import { useOperation } from '../operation/watch.ts';
import { ServerTable } from '../server/server-table.tsx';
import { ClusterBadge } from './cluster-state.tsx';
import { ClusterFacts } from './facts.tsx';

const text = texts.cluster;

export default function ClusterPage() {
  const { clusterId } = useParams({ from: '/o/$org/p/$project/clusters/$clusterId' });
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
      <Tabs.Root defaultValue="servers">
        <Tabs.List>
          <Tabs.Trigger value="servers">{text.servers}</Tabs.Trigger>
          <Tabs.Trigger value="operations">{texts.operation.many}</Tabs.Trigger>
          <Tabs.Trigger value="log" disabled={cluster.operationId === ''}>
            {texts.operation.log}
          </Tabs.Trigger>
        </Tabs.List>
        <Tabs.Content value="servers" className="tab">
          <ServerTable clusterId={clusterId} />
        </Tabs.Content>
        <Tabs.Content value="operations" className="tab">
          <OperationList clusterId={clusterId} />
        </Tabs.Content>
        <Tabs.Content value="log" className="tab">
          <OperationLog operationId={cluster.operationId} />
        </Tabs.Content>
      </Tabs.Root>
    </Page>
  );
}

/** The steps of what is being done to the cluster; nothing once it has ended. */
function Running({ operationId }: { readonly operationId: string }) {
  const { operation } = useOperation(operationId);
  return operation === undefined || operation.endedAt !== undefined ? null : <Steps operation={operation} />;
}

function DeleteCluster({ cluster }: { readonly cluster: Cluster }) {
  const navigate = useNavigate();
  const params = useParams({ from: '/o/$org/p/$project/clusters/$clusterId' });
  const may = useMay('cluster.delete', cluster.id);
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
        <Action may={may} color="red" variant="soft" loading={remove.isPending}>
          {text.delete}
        </Action>
      </Confirm>
      {remove.error !== null && <Notice error={remove.error} />}
    </>
  );
}
