import { useQuery } from '@connectrpc/connect-query';
import { ClusterService, ServerService } from '@truffle/api/orchestration/v1/cluster_service';
import { Text } from '@radix-ui/themes';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { usePlace } from '../../app/place.tsx';
import { texts } from '../../texts/texts.ts';
import { Choice } from '../../ui/choice.tsx';
import { List } from '../../ui/list.tsx';
import { Empty } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { usePages } from '../../ui/pages.ts';
import { useSorting } from '../../ui/sorting.ts';
import { serverColumns } from './server-table.tsx';

const text = texts.server;
const from = '/o/$org/p/$project/servers';
const all = 'all';
const page = { size: 500 };

/** The servers of a project's clusters. */
export default function ServersPage() {
  const { project } = usePlace();
  const params = useParams({ from });
  const { cluster: chosen = all } = useSearch({ from });
  const navigate = useNavigate({ from });
  const sorting = useSorting('name');
  const projectId = project?.id ?? '';
  const enabled = projectId !== '';
  const clusters = useQuery(ClusterService.method.listClusters, { projectId, page }, { enabled }).data?.clusters ?? [];
  const asked = { projectId, clusterId: chosen === all ? '' : chosen, orderBy: sorting.by };
  const pages = usePages(ServerService.method.listProjectServers, asked, ({ servers }) => servers, {
    size: 500,
    enabled,
  });
  const [name, state, ...others] = serverColumns(params);
  const ofCluster = (clusterId: string): string => clusters.find(({ id }) => id === clusterId)?.name ?? clusterId;
  const none = pages.rows?.length === 0 && chosen === all;
  return (
    <Page title={text.many}>
      {!none && (
        <div className="filters">
          <Choice
            small
            label={texts.cluster.one}
            value={chosen}
            options={[
              { value: all, label: texts.operation.ofAll },
              ...clusters.map(({ id, name: called }) => ({ value: id, label: called })),
            ]}
            onChange={(value) =>
              void navigate({
                search: (was) => ({ ...was, cluster: value === all ? undefined : value }),
                replace: true,
              })
            }
          />
        </div>
      )}
      <List
        label={text.many}
        pages={pages}
        sorting={sorting}
        empty={
          none ? (
            <Empty title={text.noneYet} hint={text.noneYetHint} command="truffle server list" />
          ) : (
            <Text color="gray">{text.none}</Text>
          )
        }
        keyOf={({ id }) => id}
        columns={[
          name,
          {
            title: texts.cluster.one,
            cell: ({ clusterId }) => (
              <Link to="/o/$org/p/$project/clusters/$clusterId" params={{ ...params, clusterId }}>
                {ofCluster(clusterId)}
              </Link>
            ),
          },
          state,
          // The server sorts a project's by these two alone.
          ...others.map(({ title, cell }) => ({ title, cell })),
        ]}
      />
    </Page>
  );
}
