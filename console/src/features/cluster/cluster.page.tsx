import { useQuery } from '@connectrpc/connect-query';
import { ClusterService } from '@truffle/api/orchestration/v1/cluster_service';
import { Flex, Heading } from '@radix-ui/themes';
import { useParams } from '@tanstack/react-router';
import { Notice } from '../../ui/notice.tsx';
import { ClusterBadge } from './cluster-state.tsx';

export default function ClusterPage() {
  const { clusterId } = useParams({ from: '/o/$org/p/$project/clusters/$clusterId' });
  const { data, error, refetch } = useQuery(ClusterService.method.getCluster, { clusterId });
  if (error !== null) return <Notice error={error} retry={() => void refetch()} />;
  const cluster = data?.cluster;
  if (cluster === undefined) return null;
  return (
    <Flex align="center" gap="3">
      <Heading as="h1" size="6">
        {cluster.name}
      </Heading>
      <ClusterBadge state={cluster.state} />
    </Flex>
  );
}
