import type { Operation } from '@truffle/api/orchestration/v1/operation';
import { Link, useParams } from '@tanstack/react-router';
import { texts } from '../../texts/texts.ts';
import { ListTable } from '../../ui/table.tsx';
import { Ago } from '../../ui/time.tsx';
import { OperationBadge } from './operation-state.tsx';

const text = texts.operation;

/** Operations of a project or a cluster, newest first. */
export function OperationTable({ operations }: { readonly operations: readonly Operation[] | undefined }) {
  const { org = '', project = '' } = useParams({ strict: false });
  return (
    <ListTable
      label={text.many}
      rows={operations}
      keyOf={({ id }) => id}
      columns={[
        {
          title: text.one,
          cell: ({ id, kind, clusterName }) => (
            <Link
              to="/o/$org/p/$project/operations/$operationId"
              params={{ org, project, operationId: id }}
              className="row-link"
            >
              {text.kinds[kind] ?? text.one} {clusterName}
            </Link>
          ),
        },
        { title: text.state, cell: ({ state }) => <OperationBadge state={state} /> },
        { title: text.by, cell: ({ initiator }) => initiator?.displayName },
        { title: text.begun, cell: ({ createdAt }) => <Ago at={createdAt} /> },
      ]}
    />
  );
}
