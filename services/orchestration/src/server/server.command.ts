import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { CommandPayloadSchema, type CommandPayload } from '@truffle/api/agent/v1/command';
import type { ServerIntent } from './server.intent.ts';

/** Whose VM a command is about, as every command on a server says it. */
export interface CommandedServer {
  readonly serverId: string;
  readonly clusterId: string;
  readonly orgId: string;
  readonly vmid: number;
  readonly smbiosUuid: string;
}

const minute = 60_000;

/** How long a command may run, in milliseconds: at the end of it stands nothing that could still succeed. */
export function runWithinOf(intent: ServerIntent): number {
  switch (intent.kind) {
    case 'START_SERVER':
      return 15 * minute;
    case 'STOP_SERVER':
      return 15 * minute + intent.shutdownSeconds * 1_000;
    case 'RESIZE_SERVER':
      return 30 * minute;
    // Memory and disks are written or copied as a whole.
    case 'SNAPSHOT_SERVER':
    case 'ROLLBACK_SERVER':
    case 'DELETE_SNAPSHOT':
      return 60 * minute;
    case 'MIGRATE_SERVER':
      return 6 * 60 * minute;
  }
}

type Op = Exclude<MessageInitShape<typeof CommandPayloadSchema>, { readonly $typeName: string }>['op'];

/** What the agent is told for `intent`. */
export const intentPayload = (intent: ServerIntent, server: CommandedServer): CommandPayload =>
  create(CommandPayloadSchema, { op: opOf(intent, server) });

function opOf(intent: ServerIntent, server: CommandedServer): Op {
  switch (intent.kind) {
    case 'START_SERVER':
      return { case: 'startServer', value: server };
    case 'STOP_SERVER':
      return { case: 'stopServer', value: { ...server, shutdownSeconds: intent.shutdownSeconds } };
    case 'SNAPSHOT_SERVER':
      return { case: 'snapshotServer', value: { ...server, includeMemory: intent.includeMemory } };
    case 'ROLLBACK_SERVER':
      return { case: 'rollbackServer', value: { ...server, snapshot: intent.snapshot } };
    case 'DELETE_SNAPSHOT':
      return { case: 'deleteSnapshot', value: { ...server, snapshot: intent.snapshot } };
    case 'RESIZE_SERVER': {
      const { cpu, memoryBytes, diskBytes, allowRestart } = intent;
      const size = { cpu, memoryBytes: BigInt(memoryBytes), diskBytes: BigInt(diskBytes), allowRestart };
      return { case: 'resizeServer', value: { ...server, ...size } };
    }
    case 'MIGRATE_SERVER': {
      const { targetNode, withLocalDisks } = intent;
      return { case: 'migrateServer', value: { ...server, targetNode, withLocalDisks } };
    }
  }
}
