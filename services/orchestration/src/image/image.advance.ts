import { createHash } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import { durationFromMs, timestampFromMs } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, type Client } from '@connectrpc/connect';
import { CommandPayloadSchema } from '@truffle/api/agent/v1/command';
import { CommandService, CommandState, type CommandStatus } from '@truffle/api/agent/v1/command_service';
import { ErrorInfoSchema } from '@truffle/api/google/rpc/error_details';
import { appendEvent, type Database, type EventAuthor, type Transaction } from '@truffle/database';
import { newId } from '@truffle/ids';
import type { Peers } from '@truffle/kit';
import type { StoredFailure, Tables } from '../cluster/cluster.table.ts';
import type { CommandSigner } from '../command-key/command-key.ts';
import { storedFailure, storeFailure } from '../failure.ts';
import { endImport, findImport, lockImport, type ImportRow } from './image.repo.ts';

export interface ImportDeps {
  readonly database: Database<Tables>;
  readonly peers: Peers;
  readonly signer: CommandSigner;
}

/** One try to import an image: another try is another command. */
export interface ImportRef {
  readonly orgId: string;
  readonly agentId: string;
  readonly image: string;
  readonly commandId: string;
  /** W3C trace context of who asked for it; empty where that is not known any more. */
  readonly traceparent: string;
}

export const importRefOf = (
  row: Pick<ImportRow, 'org_id' | 'agent_id' | 'image' | 'command_id'>,
  traceparent = '',
): ImportRef => ({
  orgId: row.org_id,
  agentId: row.agent_id,
  image: row.image,
  commandId: row.command_id,
  traceparent,
});

/** The workflow that carries one try. */
export const importWorkflowId = ({ commandId }: Pick<ImportRef, 'commandId'>): string => `import-${commandId}`;

/** How long a command may wait for its agent, and how long it may run, in milliseconds. */
const startWithin = 24 * 3_600_000;
const runWithin = 2 * 3_600_000;

/**
 * Moves an import on: sends its command if the gateway does not know it, and takes in what it came to. Safe to call at any time and twice.
 * @returns whether this try has ended
 */
export async function advanceImport(deps: ImportDeps, ref: ImportRef): Promise<boolean> {
  const isOpen = (row: ImportRow | undefined): row is ImportRow =>
    row?.state === 'RUNNING' && row.command_id === ref.commandId;
  const seen = await deps.database.tenant(ref.orgId, (tx) => findImport(tx, ref.agentId, ref.image));
  if (!isOpen(seen)) return true;
  const about = { orgId: ref.orgId, requestId: newId('req') };
  const gateway = deps.peers.client('agent-gateway', CommandService, about);
  const [status] = (await gateway.getCommands({ commandIds: [ref.commandId] })).commands;
  const end = status === undefined ? await send(deps, gateway, seen, ref) : endOf(status);
  if (end === undefined) return false;
  await deps.database.tenant(ref.orgId, async (tx) => {
    const now = await lockImport(tx, ref.agentId, ref.image);
    const author = { subject: 'svc:orchestration', requestId: about.requestId, traceparent: ref.traceparent };
    if (isOpen(now)) await takeInImport(tx, now, end, author);
  });
  return true;
}

/** How an import ended. */
type ImportEnd = { readonly diskBytes: number } | { readonly failure: StoredFailure };

/** Sends the command. @returns an end where the gateway refuses it for good: an agent that was revoked, or does not know it */
async function send(
  deps: ImportDeps,
  gateway: Client<typeof CommandService>,
  row: ImportRow,
  { traceparent }: ImportRef,
): Promise<ImportEnd | undefined> {
  try {
    await gateway.enqueueCommands({ commands: [commandOf(deps.signer, row, traceparent)] });
    return undefined;
  } catch (error) {
    const refusal = ConnectError.from(error);
    if (refusal.code !== Code.FailedPrecondition) throw error;
    const reason = refusal.findDetails(ErrorInfoSchema)[0]?.reason ?? 'COMMAND_REFUSED';
    return { failure: storedFailure({ reason, message: refusal.rawMessage }) };
  }
}

async function takeInImport(
  tx: Transaction<Tables>,
  row: ImportRow,
  end: ImportEnd,
  author: EventAuthor,
): Promise<void> {
  const failure = 'failure' in end ? end.failure : undefined;
  const name = failure === undefined ? 'image.imported' : 'image.import_failed';
  const { org_id: orgId, agent_id: agentId, image, vmid } = row;
  await tellOfImport(tx, author, { orgId, agentId }, name, { image, vmid, reason: failure?.reason ?? '' });
  await endImport(tx, row, end);
}

/** The command of an import: the same bytes each time it is made from its row. */
function commandOf(signer: CommandSigner, row: ImportRow, traceparent: string) {
  const { org_id: orgId, agent_id: agentId, image, url, sha256: checksum, vmid, node, storage } = row;
  const value = { orgId, image, url, checksumAlgorithm: 'sha256', checksum, vmid, node, storage };
  const op = 'importImage';
  const payload = toBinary(CommandPayloadSchema, create(CommandPayloadSchema, { op: { case: op, value } }));
  const startBy = row.created_at.getTime() + startWithin;
  const terms = {
    orgId,
    agentId,
    commandId: row.command_id,
    resourceKey: `pve:${agentId}/${vmid}`,
    fence: BigInt(row.fence),
    op,
    payloadSha256: createHash('sha256').update(payload).digest(),
    startBy,
    runTimeout: runWithin,
    needsPermit: true,
  };
  return {
    id: terms.commandId,
    agentId,
    resourceKey: terms.resourceKey,
    fence: terms.fence,
    payload,
    startBy: timestampFromMs(startBy),
    runTimeout: durationFromMs(runWithin),
    needsPermit: true,
    workflowId: importWorkflowId({ commandId: terms.commandId }),
    ...signer.sign(terms),
    traceparent,
  };
}

/** Undefined while the command has not ended. */
function endOf({ state, failure, output, endedAt }: CommandStatus): ImportEnd | undefined {
  if (endedAt === undefined) return undefined;
  if (state === CommandState.SUCCEEDED)
    return { diskBytes: output?.output.case === 'image' ? Number(output.output.value.diskBytes) : 0 };
  if (failure !== undefined) return { failure: storeFailure(failure) };
  const unsaid = storedFailure({
    reason: `COMMAND_${CommandState[state]}`,
    message: 'the command ended without a reason',
    remedy: 'see that the agent is online (truffle agent list), then try again',
  });
  return { failure: unsaid };
}

/** Appends an event about an import; it is its agent's. */
export const tellOfImport = (
  tx: Transaction<Tables>,
  author: EventAuthor,
  { orgId, agentId }: { readonly orgId: string; readonly agentId: string },
  name: string,
  data: Readonly<Record<string, string | number>>,
) => appendEvent(tx, author, { orgId, name, resourceId: agentId, projectId: undefined, data });
