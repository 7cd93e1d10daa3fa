import { useQuery } from '@connectrpc/connect-query';
import { Badge, Flex, Text } from '@radix-ui/themes';
import type { Cluster } from '@truffle/api/orchestration/v1/cluster';
import { OperationKind, StepState, type Step } from '@truffle/api/orchestration/v1/operation';
import { OperationService } from '@truffle/api/orchestration/v1/operation_service';
import { usePlace } from '../../app/place.tsx';
import { texts } from '../../texts/texts.ts';
import { Notice } from '../../ui/notice.tsx';
import { ListTable } from '../../ui/table.tsx';
import { Ago } from '../../ui/time.tsx';
import { useBlueprint } from './use-blueprint.ts';

const text = texts.cluster;
const colors = {
  [StepState.UNSPECIFIED]: 'gray',
  [StepState.PENDING]: 'gray',
  [StepState.WAITING]: 'amber',
  [StepState.RUNNING]: 'blue',
  [StepState.SUCCEEDED]: 'green',
  [StepState.FAILED]: 'red',
  [StepState.SKIPPED]: 'gray',
} as const;

/** What runs on the servers, and how the last operation that rolled it out left it on each. */
export default function Deployments({ cluster }: { readonly cluster: Cluster }) {
  const { blueprint, error } = useBlueprint(cluster);
  const { steps, error: unread } = useLastRollout(cluster);
  const problem = error ?? unread;
  if (problem !== null) return <Notice error={problem} />;
  if (blueprint?.deployments.length === 0) return <Text color="gray">{text.noDeployments}</Text>;
  return (
    <ListTable
      label={text.deployments}
      rows={blueprint?.deployments}
      keyOf={({ name }) => name}
      columns={[
        { title: text.name, cell: ({ name }) => <Text weight="medium">{name}</Text> },
        { title: text.runsOn, cell: ({ on }) => on.join(', ') },
        { title: text.rollout, cell: ({ strategy }) => strategy },
        { title: texts.operation.steps, cell: ({ steps: names }) => names.join(' → ') || '–' },
        { title: text.health, cell: ({ health }) => health.join(', ') || '–' },
        { title: text.onServers, cell: ({ name }) => <OnServers steps={steps.filter(isOf(name))} /> },
      ]}
    />
  );
}

const isOf =
  (deployment: string) =>
  ({ key }: Step): boolean =>
    key.startsWith(`deployment/${deployment}/`);

function OnServers({ steps }: { readonly steps: readonly Step[] }) {
  if (steps.length === 0) return '–';
  return (
    <Flex direction="column" gap="1">
      {steps.map(({ key, serverName, state, endedAt }) => (
        <Flex key={key} gap="2" align="center">
          <Text size="2">{serverName}</Text>
          <Badge highContrast color={colors[state]}>
            {texts.operation.stepStates[state]}
          </Badge>
          {endedAt !== undefined && (
            <Text size="1" color="gray">
              <Ago at={endedAt} />
            </Text>
          )}
        </Flex>
      ))}
    </Flex>
  );
}

/** The steps of the newest operation of the kind that deploys. */
function useLastRollout({ id }: Cluster): { readonly steps: readonly Step[]; readonly error: Error | null } {
  const { project } = usePlace();
  const list = useQuery(
    OperationService.method.listOperations,
    { projectId: project?.id ?? '', clusterId: id, page: { size: 50 } },
    { enabled: project !== undefined },
  );
  const newest = list.data?.operations.find(({ kind }) => kind === OperationKind.CREATE);
  const operation = useQuery(
    OperationService.method.getOperation,
    { operationId: newest?.id ?? '' },
    { enabled: newest !== undefined },
  );
  return { steps: operation.data?.operation?.steps ?? [], error: list.error ?? operation.error };
}
