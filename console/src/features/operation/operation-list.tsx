import { OperationService } from '@truffle/api/orchestration/v1/operation_service';
import { Link, useParams } from '@tanstack/react-router';
import { usePlace } from '../../app/place.tsx';
import { texts } from '../../texts/texts.ts';
import { List } from '../../ui/list.tsx';
import { Empty } from '../../ui/notice.tsx';
import { usePages } from '../../ui/pages.ts';
import { useSorting } from '../../ui/sorting.ts';
import { Ago } from '../../ui/time.tsx';
import { OperationBadge } from './operation-state.tsx';

const text = texts.operation;

/** Operations of the page's project. @param clusterId only those of a cluster; empty for all */
export function OperationList({ clusterId }: { readonly clusterId: string }) {
  const { org = '', project: projectName = '' } = useParams({ strict: false });
  const { project } = usePlace();
  const sorting = useSorting('created_at desc');
  const pages = usePages(
    OperationService.method.listOperations,
    { projectId: project?.id ?? '', clusterId, orderBy: sorting.by },
    ({ operations }) => operations,
    { enabled: project !== undefined },
  );
  return (
    <List
      label={text.many}
      pages={pages}
      sorting={sorting}
      empty={<Empty title={text.none} hint={text.noneHint} command="truffle operation list" />}
      keyOf={({ id }) => id}
      columns={[
        {
          title: text.one,
          sort: 'kind',
          cell: ({ id, kind, clusterName }) => (
            <Link
              to="/o/$org/p/$project/operations/$operationId"
              params={{ org, project: projectName, operationId: id }}
              className="row-link"
            >
              {text.kinds[kind] ?? text.one} {clusterName}
            </Link>
          ),
        },
        { title: text.state, sort: 'state', cell: ({ state }) => <OperationBadge state={state} /> },
        { title: text.by, cell: ({ initiator }) => initiator?.displayName },
        { title: text.begun, sort: 'created_at', cell: ({ createdAt }) => <Ago at={createdAt} /> },
        { title: text.ended, cell: ({ endedAt }) => (endedAt === undefined ? '–' : <Ago at={endedAt} />) },
      ]}
    />
  );
}
