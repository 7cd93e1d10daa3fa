import { formatQuantity } from '@truffle/template-language';
import type { ServerState } from './server.table.ts';

/** What is asked of a server that exists. Its kind is the operation's; it is stored with the step that does it. */
export type ServerIntent =
  | { readonly kind: 'START_SERVER' }
  /** @property shutdownSeconds 0 for the site's own bound */
  | { readonly kind: 'STOP_SERVER'; readonly shutdownSeconds: number }
  | { readonly kind: 'SNAPSHOT_SERVER'; readonly includeMemory: boolean }
  | { readonly kind: 'ROLLBACK_SERVER'; readonly snapshot: string }
  | { readonly kind: 'DELETE_SNAPSHOT'; readonly snapshot: string }
  /** Sizes of 0 stay as they are. */
  | {
      readonly kind: 'RESIZE_SERVER';
      readonly cpu: number;
      readonly memoryBytes: number;
      readonly diskBytes: number;
      readonly allowRestart: boolean;
    }
  | { readonly kind: 'MIGRATE_SERVER'; readonly targetNode: string; readonly withLocalDisks: boolean };

/** What decides about an intent, of the server's row. */
export interface IntendedServer {
  readonly name: string;
  readonly state: ServerState;
  readonly vmid: number | null;
  readonly node: string;
  readonly power: 'RUNNING' | 'STOPPED';
  readonly cpu: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
}

/** A snapshot, as far as it decides. */
export interface KnownSnapshot {
  readonly name: string;
  readonly includeMemory: boolean;
}

/** Why something can't be asked of a server as it is. */
export interface IntentRefusal {
  readonly reason: string;
  readonly message: string;
}

/** Snapshots that one server has at most. */
export const mostSnapshots = 32;

const changeable: ReadonlySet<ServerState> = new Set(['RUNNING', 'DEPLOYING', 'READY', 'FAILED']);

/** Why `intent` can't be asked of the server as it is; undefined when it can. What the site says is for `siteRefusals`. Pure. */
export function refusalOf(
  intent: ServerIntent,
  server: IntendedServer,
  snapshots: readonly KnownSnapshot[],
): IntentRefusal | undefined {
  if (server.vmid === null || !changeable.has(server.state))
    return {
      reason: 'SERVER_NOT_MADE',
      message: `the server ${server.name} is ${server.state}: there is no whole VM to change; retry or undo its cluster's operation first`,
    };
  if (intent.kind === 'SNAPSHOT_SERVER' && snapshots.length >= mostSnapshots)
    return {
      reason: 'SNAPSHOT_LIMIT',
      message: `the server ${server.name} has ${snapshots.length} snapshots, ${mostSnapshots} are the most; delete one first`,
    };
  if (intent.kind === 'ROLLBACK_SERVER' && server.power === 'STOPPED') {
    const named = snapshots.find((each) => each.name === intent.snapshot);
    // The hypervisor resumes what has a memory: a stopped server would run again without anybody having started it.
    if (named?.includeMemory === true)
      return {
        reason: 'SERVER_STOPPED',
        message: `the server ${server.name} stands still, and the snapshot ${intent.snapshot} holds a running one; start it first`,
      };
  }
  if (intent.kind === 'RESIZE_SERVER' && intent.diskBytes > 0 && intent.diskBytes < server.diskBytes)
    return {
      reason: 'DISK_SHRINKS',
      message: `the server ${server.name} has a disk of ${formatQuantity(server.diskBytes)}, and a disk only grows`,
    };
  return undefined;
}

/**
 * What takes back an intent that failed or was cancelled, given the server as it was recorded before; undefined for what can't be taken back:
 * what a rollback overwrote and a deleted snapshot held is gone. A disk that grew stays so.
 * @param snapshot the name that the intent's snapshot has or would have
 */
export function inverseOf(intent: ServerIntent, server: IntendedServer, snapshot: string): ServerIntent | undefined {
  switch (intent.kind) {
    case 'START_SERVER':
      return { kind: 'STOP_SERVER', shutdownSeconds: 0 };
    case 'STOP_SERVER':
      return { kind: 'START_SERVER' };
    case 'SNAPSHOT_SERVER':
      return { kind: 'DELETE_SNAPSHOT', snapshot };
    case 'RESIZE_SERVER':
      return { ...intent, cpu: server.cpu, memoryBytes: server.memoryBytes, diskBytes: 0 };
    case 'MIGRATE_SERVER':
      return { ...intent, targetNode: server.node };
    case 'ROLLBACK_SERVER':
    case 'DELETE_SNAPSHOT':
      return undefined;
  }
}

/** Whether doing it again later would undo what was done to the server in between. */
export const isOrdered = ({ kind }: ServerIntent): boolean => kind !== 'SNAPSHOT_SERVER' && kind !== 'DELETE_SNAPSHOT';

/** What people read, and the last part of the step's key. */
export const wordsOf: Readonly<Record<ServerIntent['kind'], { readonly title: string; readonly verb: string }>> = {
  START_SERVER: { title: 'Start the VM', verb: 'start' },
  STOP_SERVER: { title: 'Stop the VM', verb: 'stop' },
  SNAPSHOT_SERVER: { title: 'Take a snapshot', verb: 'snapshot' },
  ROLLBACK_SERVER: { title: 'Put the VM back to a snapshot', verb: 'rollback' },
  DELETE_SNAPSHOT: { title: 'Remove the snapshot', verb: 'delete-snapshot' },
  RESIZE_SERVER: { title: 'Resize the VM', verb: 'resize' },
  MIGRATE_SERVER: { title: 'Move the VM', verb: 'migrate' },
};
