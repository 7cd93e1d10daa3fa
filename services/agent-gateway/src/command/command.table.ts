import type { Generated } from 'kysely';
import type { CommandEffect, CommandState } from './command.ts';

export interface CommandTable {
  org_id: string;
  id: string;
  /** Order of arrival. */
  n: Generated<string>;
  agent_id: string;
  resource_key: string;
  fence: string;
  op: string;
  payload: Buffer;
  payload_sha256: Buffer;
  needs_permit: boolean;
  start_by: Date;
  run_timeout_ms: string;
  operation_id: string;
  workflow_id: string;
  server_id: string;
  step_key: string;
  traceparent: string;
  signature: Generated<Buffer>;
  key_id: Generated<string>;
  enqueued_at: Generated<Date>;
  state: Generated<CommandState>;
  permit_no: Generated<number>;
  cancel_requested: Generated<boolean>;
  incarnation: string | null;
  started_at: Date | null;
  ended_at: Date | null;
  run_until: Date | null;
  effect: Generated<CommandEffect>;
  failure: Buffer | null;
  output: Buffer | null;
  result_sha256: Buffer | null;
  late_result: Buffer | null;
  progress_n: Generated<string>;
  detail: Generated<string>;
}

export interface CommandLogTable {
  org_id: string;
  id: Generated<string>;
  txid: Generated<string>;
  operation_id: string;
  command_id: string;
  server_id: string;
  step_key: string;
  n: string;
  stream: string;
  text: string;
  time: Date;
}
