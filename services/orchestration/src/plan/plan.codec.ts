import { create } from '@bufbuild/protobuf';
import { ActionKind, PlanSchema, type Plan } from '@truffle/api/orchestration/v1/cluster';
import { formatQuantity } from '@truffle/template-language';
import { failureMessage, storedFailure } from '../failure.ts';
import type { Drawn } from './plan.usecases.ts';

export function planMessage(drawn: Drawn): Plan {
  const { placements, refusals, warnings, fits } = drawn.planned;
  const servers = placements.map((p) => p.server);
  return create(PlanSchema, {
    actions: [
      ...placements.map(({ server, node }) => ({
        kind: ActionKind.CREATE,
        resource: 'server',
        name: server.name,
        node,
        detail: `${server.image}, ${server.cpu} CPU, ${formatQuantity(server.memoryBytes)} memory, ${formatQuantity(server.diskBytes)} disk`,
      })),
      ...drawn.rollout.map(({ name, batches }) => ({
        kind: ActionKind.DEPLOY,
        resource: 'deployment',
        name,
        detail: batches.map((batch) => batch.join(' + ')).join(', then '),
      })),
    ],
    fits,
    refusals: refusals.map((r) => failureMessage(storedFailure(r))),
    warnings: [...warnings],
    totalCpu: servers.reduce((sum, s) => sum + s.cpu, 0),
    totalMemoryBytes: BigInt(servers.reduce((sum, s) => sum + s.memoryBytes, 0)),
    totalDiskBytes: BigInt(servers.reduce((sum, s) => sum + s.diskBytes, 0)),
    generatedSecrets: drawn.generated.map((g) => g.name),
  });
}
