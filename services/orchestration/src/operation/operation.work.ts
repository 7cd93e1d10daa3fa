import type { Database, EventAuthor, Transaction } from '@truffle/database';
import type { About, Bell, Peers } from '@truffle/kit';
import type { TemplateSandbox } from '@truffle/template-language';
import { lockCluster, type ClusterRow } from '../cluster/cluster.repo.ts';
import type { CommandSigner } from '../command-key/command-key.ts';
import type { Tables } from '../cluster/cluster.table.ts';
import { serversOf, type ServerRow } from '../server/server.repo.ts';
import { lockOperation, stepsOf, type OperationRow, type StepView } from './operation.repo.ts';

/** What moving an operation on is done with. */
export interface WorkDeps {
  readonly database: Database<Tables>;
  readonly peers: Peers;
  readonly bell: Bell;
  readonly sandbox: TemplateSandbox;
  readonly signer: CommandSigner;
}

/** An operation with everything that its next move depends on, locked in a transaction. */
export interface Work {
  readonly tx: Transaction<Tables>;
  readonly operation: OperationRow;
  readonly cluster: ClusterRow;
  readonly servers: readonly ServerRow[];
  readonly steps: readonly StepView[];
}

export async function loadWork(tx: Transaction<Tables>, operationId: string): Promise<Work | undefined> {
  const operation = await lockOperation(tx, operationId);
  if (operation === undefined) return undefined;
  const cluster = await lockCluster(tx, operation.cluster_id);
  if (cluster === undefined) return undefined;
  return { tx, operation, cluster, servers: await serversOf(tx, cluster.id), steps: await stepsOf(tx, operationId) };
}

/** In whose name an operation works: this service's, on behalf of who started it. */
export const aboutOf = (operation: OperationRow): About => ({
  orgId: operation.org_id,
  onBehalfOf: operation.initiator,
  displayName: operation.initiator_name ?? undefined,
  requestId: operation.request_id,
});

/** The same, as the author of events. */
export const authorOfOperation = (operation: OperationRow): EventAuthor => ({
  subject: 'svc:orchestration',
  onBehalfOf: operation.initiator,
  displayName: operation.initiator_name ?? undefined,
  requestId: operation.request_id,
  traceparent: operation.traceparent,
});
