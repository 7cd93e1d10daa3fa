import { useQuery } from '@connectrpc/connect-query';
import { ClusterService } from '@truffle/api/orchestration/v1/cluster_service';
import { Heading } from '@radix-ui/themes';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { usePlace } from '../../app/place.tsx';
import { texts } from '../../texts/texts.ts';
import { Choice } from '../../ui/choice.tsx';
import { Empty, Notice } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { ServerTable } from './server-table.tsx';

const text = texts.server;
const from = '/o/$org/p/$project/servers';
const all = 'all';
const page = { size: 500 };

/** The servers of a project, cluster by cluster, or of one. */
export default function ServersPage() {
  const { project } = usePlace();
  const { cluster: chosen = all } = useSearch({ from });
  const navigate = useNavigate({ from });
  const { data, error, refetch } = useQuery(
    ClusterService.method.listClusters,
    { projectId: project?.id ?? '', page },
    { enabled: project !== undefined },
  );
  const clusters = data?.clusters ?? [];
  const shown = clusters.filter(({ id }) => chosen === all || id === chosen);
  return (
    <Page title={text.many}>
      {error !== null && <Notice error={error} retry={() => void refetch()} />}
      {data !== undefined && clusters.length === 0 && (
        <Empty title={text.noneYet} hint={text.noneYetHint} command="truffle server list" />
      )}
      {clusters.length > 0 && (
        <div className="filters">
          <Choice
            small
            label={texts.cluster.one}
            value={chosen}
            options={[
              { value: all, label: texts.operation.ofAll },
              ...clusters.map(({ id, name }) => ({ value: id, label: name })),
            ]}
            onChange={(value) => void navigate({ search: value === all ? {} : { cluster: value }, replace: true })}
          />
        </div>
      )}
      {shown.map(({ id, name }) => (
        <section key={id}>
          <Heading as="h2" size="3" mb="2">
            {name}
          </Heading>
          <ServerTable clusterId={id} />
        </section>
      ))}
    </Page>
  );
}
