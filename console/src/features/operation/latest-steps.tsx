import { useQuery } from '@connectrpc/connect-query';
import { Flex, Text } from '@radix-ui/themes';
import type { Server } from '@truffle/api/orchestration/v1/cluster';
import { OperationService } from '@truffle/api/orchestration/v1/operation_service';
import { Link, useParams } from '@tanstack/react-router';
import { usePlace } from '../../app/place.tsx';
import { texts } from '../../texts/texts.ts';
import { Notice } from '../../ui/notice.tsx';
import { Ago } from '../../ui/time.tsx';
import { OperationBadge } from './operation-state.tsx';
import { Steps } from './steps.tsx';
import { useOperation } from './watch.ts';

const text = texts.operation;
/** So many of a cluster's operations are looked through for one that is about the server. */
const shown = 3;

/** What the last operations of its cluster did on a server, and what is being done now. */
export function LatestSteps({ server }: { readonly server: Server }) {
  const { project } = usePlace();
  const { data, error, refetch } = useQuery(
    OperationService.method.listOperations,
    { projectId: project?.id ?? '', clusterId: server.clusterId, page: { size: shown } },
    { enabled: project !== undefined },
  );
  if (error !== null) return <Notice error={error} retry={() => void refetch()} />;
  return (
    <Flex direction="column" gap="4">
      {data?.operations.map(({ id }) => (
        <OnServer key={id} operationId={id} serverId={server.id} />
      ))}
    </Flex>
  );
}

function OnServer({ operationId, serverId }: { readonly operationId: string; readonly serverId: string }) {
  const { org = '', project = '' } = useParams({ strict: false });
  const { operation, error } = useOperation(operationId);
  if (error !== null) return <Notice error={error} />;
  const steps = operation?.steps.filter((step) => step.serverId === serverId) ?? [];
  if (operation === undefined || steps.length === 0) return null;
  return (
    <section>
      <Flex gap="2" align="center" mb="2">
        <Link
          to="/o/$org/p/$project/operations/$operationId"
          params={{ org, project, operationId }}
          className="row-link"
        >
          {text.kinds[operation.kind] ?? text.one} {operation.clusterName}
        </Link>
        <OperationBadge state={operation.state} />
        <Text size="1" color="gray">
          <Ago at={operation.createdAt} />
        </Text>
      </Flex>
      <Steps operation={{ ...operation, steps }} />
    </section>
  );
}
