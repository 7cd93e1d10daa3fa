import { useQuery } from '@connectrpc/connect-query';
import { Text } from '@radix-ui/themes';
import { OperationService } from '@truffle/api/orchestration/v1/operation_service';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import { useState } from 'react';
import { usePlace } from '../../app/place.tsx';
import { texts } from '../../texts/texts.ts';
import { Choice } from '../../ui/choice.tsx';
import { Notice } from '../../ui/notice.tsx';
import { OperationLog } from './log.tsx';

const text = texts.operation;

interface LatestLogProps {
  readonly clusterId: string;
  /** Only what is about this server; unset for all. */
  readonly serverId?: string;
}

/** The log of a cluster's newest operation, live; older ones can be chosen. */
export function LatestLog({ clusterId, serverId = '' }: LatestLogProps) {
  const { project } = usePlace();
  const [chosen, setChosen] = useState('');
  const { data, error, refetch } = useQuery(
    OperationService.method.listOperations,
    { projectId: project?.id ?? '', clusterId, page: { size: 50 } },
    { enabled: project !== undefined },
  );
  if (error !== null) return <Notice error={error} retry={() => void refetch()} />;
  const operations = data?.operations ?? [];
  const operationId = chosen || (operations[0]?.id ?? '');
  if (operationId === '') return data === undefined ? null : <Text color="gray">{text.none}</Text>;
  return (
    <>
      <div className="filters gap-below">
        <Choice
          small
          label={text.one}
          value={operationId}
          options={operations.map(({ id, kind, createdAt }) => ({
            value: id,
            label: `${text.kinds[kind] ?? text.one}, ${createdAt === undefined ? '' : timestampDate(createdAt).toLocaleString(texts.locale)}`,
          }))}
          onChange={setChosen}
        />
      </div>
      <OperationLog key={operationId} operationId={operationId} serverId={serverId} />
    </>
  );
}
