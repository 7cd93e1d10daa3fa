import type { ColumnType, Generated, JSONColumnType } from 'kysely';
import type { ParameterValue, Template } from '@truffle/template-language';
import type { ImageTables } from '../image/image.table.ts';
import type { OperationTables } from '../operation/operation.table.ts';
import type { ServerTables } from '../server/server.table.ts';

export interface ClusterTables {
  'orchestration.cluster': ClusterTable;
}

/** Everything that this service stores. */
export type Tables = ClusterTables & ServerTables & OperationTables & ImageTables;

export type ClusterState = 'CREATING' | 'READY' | 'FAILED' | 'DELETING' | 'DELETED';

/** A value that only the agent can open, as it is stored. */
export interface StoredSecret {
  readonly name: string;
  readonly keyId: string;
  /** Base64. */
  readonly sealed: string;
  readonly version: number;
  readonly notAfter: number;
}

/** A secret that the agent makes and keeps. */
export interface StoredGenerated {
  readonly name: string;
  readonly length: number;
  readonly charset: string;
}

/** A failure as it is stored: the shape of truffle.type.v1.Failure. */
export interface StoredFailure {
  readonly reason: string;
  readonly message: string;
  readonly cause: string;
  readonly remedy: string;
  readonly logTail: readonly string[];
  readonly retryable: boolean;
  readonly parameters: Readonly<Record<string, string>>;
}

export interface ClusterTable {
  org_id: string;
  id: string;
  project_id: string;
  agent_id: string;
  name: string;
  template_version_id: string;
  template_ref: string;
  acquired_via: Generated<string>;
  template: JSONColumnType<Template>;
  parameters: JSONColumnType<Record<string, ParameterValue>>;
  secrets: JSONColumnType<StoredSecret[]>;
  generated: JSONColumnType<StoredGenerated[]>;
  state: ClusterState;
  outputs: JSONColumnType<Record<string, string>, string | undefined>;
  operation_id: string | null;
  failure: ColumnType<StoredFailure | null, string | null | undefined, string | null>;
  quota_holder: string;
  protected: Generated<boolean>;
  revision: Generated<string>;
  created_at: Generated<Date>;
  updated_at: Generated<Date>;
  deleted_at: Date | null;
}
