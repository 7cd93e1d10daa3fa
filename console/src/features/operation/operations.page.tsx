import { useQuery } from '@connectrpc/connect-query';
import { ClusterService } from '@truffle/api/orchestration/v1/cluster_service';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { usePlace } from '../../app/place.tsx';
import { texts } from '../../texts/texts.ts';
import { Choice } from '../../ui/choice.tsx';
import { Page } from '../../ui/page.tsx';
import { OperationList } from './operation-list.tsx';

const from = '/o/$org/p/$project/operations';
const all = 'all';

export default function OperationsPage() {
  const { project } = usePlace();
  const { cluster = all } = useSearch({ from });
  const navigate = useNavigate({ from });
  const projectId = project?.id ?? '';
  const clusters = useQuery(
    ClusterService.method.listClusters,
    { projectId, showDeleted: true, page: { size: 500 } },
    { enabled: projectId !== '' },
  );
  return (
    <Page title={texts.operation.many}>
      <div className="filters">
        <Choice
          small
          label={texts.cluster.one}
          value={cluster}
          options={[
            { value: all, label: texts.operation.ofAll },
            ...(clusters.data?.clusters ?? []).map(({ id, name }) => ({ value: id, label: name })),
          ]}
          onChange={(value) =>
            void navigate({ search: (was) => ({ ...was, cluster: value === all ? undefined : value }), replace: true })
          }
        />
      </div>
      <OperationList clusterId={cluster === all ? '' : cluster} />
    </Page>
  );
}
