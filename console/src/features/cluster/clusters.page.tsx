import { useQuery } from '@connectrpc/connect-query';
import { ClusterService } from '@truffle/api/orchestration/v1/cluster_service';
import { Button } from '@radix-ui/themes';
import { Link, useParams } from '@tanstack/react-router';
import { usePlace } from '../../app/place.tsx';
import { texts } from '../../texts/texts.ts';
import { Empty, Notice } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { ListTable } from '../../ui/table.tsx';
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
  const make = (
    <Button asChild>
      <Link to="/o/$org/p/$project/templates" params={params}>
        {text.make}
      </Link>
    </Button>
  );
  return (
    <Page title={text.many} actions={data?.clusters.length === 0 ? undefined : make}>
      {error !== null && <Notice error={error} retry={() => void refetch()} />}
      {data?.clusters.length === 0 ? (
        <Empty
          title={text.none}
          hint={text.noneHint}
          command="truffle cluster create hello --template static-site --wait"
        >
          {make}
        </Empty>
      ) : (
        error === null && (
          <ListTable
            label={text.many}
            rows={data?.clusters}
            keyOf={({ id }) => id}
            columns={[
              {
                title: text.name,
                cell: ({ id, name }) => (
                  <Link
                    to="/o/$org/p/$project/clusters/$clusterId"
                    params={{ ...params, clusterId: id }}
                    className="row-link"
                  >
                    {name}
                  </Link>
                ),
              },
              { title: text.state, cell: ({ state }) => <ClusterBadge state={state} /> },
              { title: text.servers, cell: ({ readyCount, serverCount }) => text.ready(readyCount, serverCount) },
              { title: text.template, cell: ({ templateRef }) => templateRef },
              { title: text.changed, cell: ({ updatedAt }) => <Ago at={updatedAt} /> },
            ]}
          />
        )
      )}
    </Page>
  );
}
