import { useQuery } from '@connectrpc/connect-query';
import { ClusterService } from '@truffle/api/orchestration/v1/cluster_service';
import { Flex, Heading, Skeleton, Table } from '@radix-ui/themes';
import { Link, useParams } from '@tanstack/react-router';
import { usePlace } from '../../app/place.tsx';
import { texts } from '../../texts/texts.ts';
import { Empty, Notice } from '../../ui/notice.tsx';
import { Ago } from '../../ui/time.tsx';
import { ClusterBadge } from './cluster-state.tsx';

const text = texts.cluster;

export default function ClustersPage() {
  const { project } = usePlace();
  const params = useParams({ from: '/o/$org/p/$project/clusters' });
  const { data, error, refetch } = useQuery(
    ClusterService.method.listClusters,
    { projectId: project?.id ?? '', page: { size: 100 } },
    { enabled: project !== undefined },
  );
  return (
    <Flex direction="column" gap="4">
      <Heading as="h1" size="6">
        {text.many}
      </Heading>
      {error !== null && <Notice error={error} retry={() => void refetch()} />}
      {data?.clusters.length === 0 && (
        <Empty
          title={text.none}
          hint={text.noneHint}
          command="truffle cluster create hello --template static-site --wait"
        />
      )}
      {(data === undefined || data.clusters.length > 0) && (
        <Skeleton loading={data === undefined && error === null}>
          <Table.Root variant="surface">
            <Table.Header>
              <Table.Row>
                <Table.ColumnHeaderCell>{text.name}</Table.ColumnHeaderCell>
                <Table.ColumnHeaderCell>{text.state}</Table.ColumnHeaderCell>
                <Table.ColumnHeaderCell>{text.servers}</Table.ColumnHeaderCell>
                <Table.ColumnHeaderCell>{text.template}</Table.ColumnHeaderCell>
                <Table.ColumnHeaderCell>{text.changed}</Table.ColumnHeaderCell>
              </Table.Row>
            </Table.Header>
            <Table.Body>
              {data?.clusters.map((cluster) => (
                <Table.Row key={cluster.id}>
                  <Table.RowHeaderCell>
                    <Link
                      to="/o/$org/p/$project/clusters/$clusterId"
                      params={{ ...params, clusterId: cluster.id }}
                      className="row-link"
                    >
                      {cluster.name}
                    </Link>
                  </Table.RowHeaderCell>
                  <Table.Cell>
                    <ClusterBadge state={cluster.state} />
                  </Table.Cell>
                  <Table.Cell>
                    {cluster.readyCount} / {cluster.serverCount}
                  </Table.Cell>
                  <Table.Cell>{cluster.templateRef}</Table.Cell>
                  <Table.Cell>
                    <Ago at={cluster.updatedAt} />
                  </Table.Cell>
                </Table.Row>
              ))}
            </Table.Body>
          </Table.Root>
        </Skeleton>
      )}
    </Flex>
  );
}
