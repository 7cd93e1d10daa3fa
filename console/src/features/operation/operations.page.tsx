import { useQuery } from '@connectrpc/connect-query';
import { OperationService } from '@truffle/api/orchestration/v1/operation_service';
import { usePlace } from '../../app/place.tsx';
import { texts } from '../../texts/texts.ts';
import { Empty, Notice } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { OperationTable } from './operation-table.tsx';

export default function OperationsPage() {
  const { project } = usePlace();
  const { data, error, refetch } = useQuery(
    OperationService.method.listOperations,
    { projectId: project?.id ?? '', page: { size: 100 } },
    { enabled: project !== undefined },
  );
  return (
    <Page title={texts.operation.many}>
      {error !== null && <Notice error={error} retry={() => void refetch()} />}
      {data?.operations.length === 0 ? (
        <Empty title={texts.operation.none} hint={texts.operation.noneHint} command="truffle operation list" />
      ) : (
        error === null && <OperationTable operations={data?.operations} />
      )}
    </Page>
  );
}
