import type { ColumnType, Generated } from 'kysely';
import type { StoredFailure } from '../cluster/cluster.table.ts';
import type { ServerIntent } from '../server/server.intent.ts';

export interface OperationTables {
  'orchestration.operation': OperationTable;
  'orchestration.step': StepTable;
}

export type OperationKind = 'CREATE' | 'DELETE' | ServerIntent['kind'];
export type OperationState = 'PENDING' | 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'CANCELLED';
export type StepState = 'PENDING' | 'WAITING' | 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'SKIPPED';
/** What a step does: `reserve` and `finish` are this service's own, the others are one command each. */
export type StepAction = 'reserve' | 'ensure' | 'deploy' | 'delete' | 'change' | 'finish';
/** What a step asks for beyond its server's row; kept with it, so that its command is the same whenever it is made again. */
export type StepIntent = ServerIntent | { readonly kind: 'ENSURE_SERVER'; readonly avoidNodes: readonly string[] };

export interface OperationTable {
  org_id: string;
  id: string;
  project_id: string;
  cluster_id: string;
  kind: OperationKind;
  state: OperationState;
  follows_operation_id: string | null;
  cancel_requested: Generated<boolean>;
  failure: ColumnType<StoredFailure | null, string | null | undefined, string | null>;
  initiator: string;
  /** What people called them then; null once it was erased. */
  initiator_name: string | null;
  request_id: string;
  traceparent: Generated<string>;
  revision: Generated<string>;
  created_at: Generated<Date>;
  updated_at: Generated<Date>;
  ended_at: Date | null;
}

export interface StepTable {
  org_id: string;
  operation_id: string;
  key: string;
  /** Steps of one stage run together; the next stage begins when all have succeeded. */
  stage: number;
  position: number;
  action: StepAction;
  title: string;
  server_id: string | null;
  deployment: string | null;
  intent: ColumnType<StepIntent | null, string | null | undefined, never>;
  state: StepState;
  detail: Generated<string>;
  command_id: string | null;
  fence: ColumnType<string | null, number | null | undefined, number | string | null>;
  failure: ColumnType<StoredFailure | null, string | null | undefined, string | null>;
  started_at: Date | null;
  ended_at: Date | null;
}
