import { createHash } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import { durationFromMs, timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { Agent } from '@truffle/api/agent/v1/agent';
import { CommandPayloadSchema } from '@truffle/api/agent/v1/command';
import { CommandService, CommandState, type CommandStatus } from '@truffle/api/agent/v1/command_service';
import type { ImportImageRequest } from '@truffle/api/orchestration/v1/image_service';
import { appendEvent, type Database, type EventAuthor, type Transaction } from '@truffle/database';
import { newId } from '@truffle/ids';
import { authorOf, NotFoundProblem, onBehalfOf, PreconditionProblem, type Caller, type Peers } from '@truffle/kit';
import type { StoredFailure, Tables } from '../cluster/cluster.table.ts';
import type { CommandSigner } from '../command-key/command-key.ts';
import { storedFailure, storeFailure } from '../failure.ts';
import { leaseImageVmid } from '../server/server.lease.repo.ts';
import { nextFence } from '../server/server.repo.ts';
import { endImport, lockImport, storeImport, type ImportRow } from './image.repo.ts';

export interface ImageDeps {
  readonly database: Database<Tables>;
  readonly peers: Peers;
  readonly signer: CommandSigner;
}

/** An import, and what its command says of itself while it is at work. */
export interface ImportView {
  readonly row: ImportRow;
  readonly detail: string;
}

/** How long a command may wait for its agent, and how long it may run, in milliseconds. */
const startWithin = 24 * 3_600_000;
const runWithin = 2 * 3_600_000;

/**
 * Has a site download an image and make a template of it.
 * @throws NotFoundProblem; PreconditionProblem IMPORT_IN_PROGRESS, IMAGE_EXISTS, NODE_NOT_FOUND, VMID_RANGE_EXHAUSTED
 */
export async function importImage(deps: ImageDeps, caller: Caller, wanted: ImportImageRequest): Promise<ImportView> {
  const { agentId, image } = wanted;
  const { agent } = await gatewayOf(deps, caller).getSite({ agentId });
  const node = nodeFor(agent, wanted.node);
  const before = await readImport(deps, caller, agentId, image).catch((error: unknown) => {
    if (error instanceof NotFoundProblem) return undefined;
    throw error;
  });
  if (before?.row.state === 'RUNNING')
    throw new PreconditionProblem('IMPORT_IN_PROGRESS', `the image ${image} is being imported`, { image });
  if (before?.row.state === 'SUCCEEDED' && before.row.sha256 !== wanted.sha256)
    throw new PreconditionProblem(
      'IMAGE_EXISTS',
      `the image ${image} was imported from other content; choose another name, e.g. ${image}-2`,
      { image },
    );
  const row = await deps.database.tenant(caller.orgId, async (tx) => {
    const range = { first: agent?.inventory?.vmidFirst ?? 0, last: agent?.inventory?.vmidLast ?? -1 };
    const vmid = await leaseImageVmid(tx, caller.orgId, agentId, range, image);
    if (vmid === undefined)
      throw new PreconditionProblem('VMID_RANGE_EXHAUSTED', 'the site offers no more VM numbers; widen its range');
    const now = await lockImport(tx, agentId, image);
    if (now?.state === 'RUNNING')
      throw new PreconditionProblem('IMPORT_IN_PROGRESS', `the image ${image} is being imported`, { image });
    const { url, sha256, storage } = wanted;
    const whose = { org_id: caller.orgId, agent_id: agentId, image };
    const command = { command_id: newId('cmd'), fence: String(await nextFence(tx)) };
    await tell(tx, authorOf(caller), { orgId: caller.orgId, agentId }, 'image.import_started', {
      image,
      sha256,
      vmid,
      node,
      ...command,
    });
    return storeImport(tx, { ...whose, url, sha256, node, storage, vmid, state: 'RUNNING', ...command });
  });
  await gatewayOf(deps, caller).enqueueCommands({ commands: [commandOf(deps.signer, row, caller.traceparent)] });
  return { row, detail: '' };
}

/** How an import stands; what its command came to is taken in here, as nothing else waits for it. @throws NotFoundProblem */
export async function readImport(deps: ImageDeps, caller: Caller, agentId: string, image: string): Promise<ImportView> {
  const gateway = gatewayOf(deps, caller);
  const seen = await deps.database.tenant(caller.orgId, (tx) => lockImport(tx, agentId, image));
  if (seen === undefined) throw new NotFoundProblem('image import', image);
  if (seen.state !== 'RUNNING') return { row: seen, detail: '' };
  const [status] = (await gateway.getCommands({ commandIds: [seen.command_id] })).commands;
  if (status === undefined) {
    // Stored and never sent: the process died in between. The same command again does nothing twice.
    await gateway.enqueueCommands({ commands: [commandOf(deps.signer, seen, caller.traceparent)] });
    return { row: seen, detail: '' };
  }
  if (status.endedAt === undefined) return { row: seen, detail: status.detail };
  const row = await deps.database.tenant(caller.orgId, async (tx) => {
    const now = await lockImport(tx, agentId, image);
    if (now === undefined || now.state !== 'RUNNING' || now.command_id !== seen.command_id) return now ?? seen;
    const failure = failureOf(status);
    const end = failure === undefined ? { diskBytes: diskOf(status) } : { failure };
    const name = failure === undefined ? 'image.imported' : 'image.import_failed';
    await tell(tx, itself(caller), { orgId: caller.orgId, agentId }, name, {
      image,
      vmid: now.vmid,
      reason: failure?.reason ?? '',
    });
    return endImport(tx, now, end);
  });
  return { row, detail: '' };
}

const gatewayOf = ({ peers }: ImageDeps, caller: Caller) =>
  peers.client('agent-gateway', CommandService, onBehalfOf(caller));

function nodeFor(agent: Agent | undefined, wanted: string): string {
  const nodes = (agent?.inventory?.nodes ?? []).filter((each) => each.online).map((each) => each.name);
  const node = wanted === '' ? nodes[0] : nodes.find((each) => each === wanted);
  if (node !== undefined) return node;
  throw new PreconditionProblem(
    'NODE_NOT_FOUND',
    `${wanted === '' ? 'no node of the site is up' : `the site has no node ${wanted} that is up`}; nodes there: ${nodes.join(', ') || 'none'}`,
    { node: wanted },
  );
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
    ...signer.sign(terms),
    traceparent,
  };
}

function failureOf({ state, failure }: CommandStatus): StoredFailure | undefined {
  if (state === CommandState.SUCCEEDED) return undefined;
  if (failure !== undefined) return storeFailure(failure);
  return storedFailure({
    reason: `COMMAND_${CommandState[state]}`,
    message: 'the command ended without a reason',
    remedy: 'see that the agent is online (truffle agent list), then try again',
  });
}

const diskOf = ({ output }: CommandStatus): number =>
  output?.output.case === 'image' ? Number(output.output.value.diskBytes) : 0;

const tell = (
  tx: Transaction<Tables>,
  author: EventAuthor,
  { orgId, agentId }: { readonly orgId: string; readonly agentId: string },
  name: string,
  data: Readonly<Record<string, string | number>>,
) => appendEvent(tx, author, { orgId, name, resourceId: agentId, projectId: undefined, data });

/** What is noted when somebody reads is nobody's deed but this service's. */
const itself = ({ requestId, traceparent }: Caller): EventAuthor => ({
  subject: 'svc:orchestration',
  requestId,
  traceparent,
});
