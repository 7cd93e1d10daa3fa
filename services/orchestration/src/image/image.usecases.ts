import type { Agent } from '@truffle/api/agent/v1/agent';
import { CommandService } from '@truffle/api/agent/v1/command_service';
import type { ImportImageRequest } from '@truffle/api/orchestration/v1/image_service';
import type { Database } from '@truffle/database';
import { newId } from '@truffle/ids';
import {
  authorOf,
  InvalidProblem,
  NotFoundProblem,
  onBehalfOf,
  PreconditionProblem,
  type Caller,
  type Peers,
} from '@truffle/kit';
import { OutgoingRefusedError, type OutgoingClient } from '@truffle/outgoing';
import type { Tables } from '../cluster/cluster.table.ts';
import { leaseImageVmid } from '../server/server.lease.repo.ts';
import { nextFence } from '../server/server.repo.ts';
import { importRefOf, tellOfImport, type ImportRef } from './image.advance.ts';
import { findImport, lockImport, storeImport, type ImportRow } from './image.repo.ts';

export interface ImageDeps {
  readonly database: Database<Tables>;
  readonly peers: Peers;
  /** Says which addresses may be named. */
  readonly outgoing: Pick<OutgoingClient, 'check'>;
  /** Starts the workflow of a committed import, best effort: the sweep finds what was missed. */
  readonly start: (ref: ImportRef) => void;
}

/** An import, and what its command says of itself while it is at work. */
export interface ImportView {
  readonly row: ImportRow;
  readonly detail: string;
}

/**
 * Has a site download an image and make a template of it.
 * @throws InvalidProblem for an address that may not be named; NotFoundProblem; PreconditionProblem IMPORT_IN_PROGRESS, IMAGE_EXISTS, NODE_NOT_FOUND, VMID_RANGE_EXHAUSTED
 */
export async function importImage(deps: ImageDeps, caller: Caller, wanted: ImportImageRequest): Promise<ImportView> {
  const { agentId, image } = wanted;
  demandAddress(deps.outgoing, wanted.url);
  const { agent } = await gatewayOf(deps, caller).getSite({ agentId });
  const node = nodeFor(agent, wanted.node);
  const row = await deps.database.tenant(caller.orgId, async (tx) => {
    const range = { first: agent?.inventory?.vmidFirst ?? 0, last: agent?.inventory?.vmidLast ?? -1 };
    const vmid = await leaseImageVmid(tx, caller.orgId, agentId, range, image);
    if (vmid === undefined)
      throw new PreconditionProblem('VMID_RANGE_EXHAUSTED', 'the site offers no more VM numbers; widen its range');
    requireFree(await lockImport(tx, agentId, image), wanted);
    const { url, sha256, storage } = wanted;
    const whose = { org_id: caller.orgId, agent_id: agentId, image };
    const command = { command_id: newId('cmd'), fence: String(await nextFence(tx)) };
    await tellOfImport(tx, authorOf(caller), { orgId: caller.orgId, agentId }, 'image.import_started', {
      image,
      sha256,
      vmid,
      node,
      ...command,
    });
    return storeImport(tx, { ...whose, url, sha256, node, storage, vmid, state: 'RUNNING', ...command });
  });
  // Its workflow sends the command, and takes in what it comes to.
  deps.start(importRefOf(row, caller.traceparent));
  return { row, detail: '' };
}

/**
 * Refuses what the control plane would not ask either: other ports than the web's, and addresses that are not public in any notation. Names are
 * looked up where the download is made, by the site's hypervisor; what it may reach is the site's policy. @throws InvalidProblem
 */
function demandAddress(outgoing: Pick<OutgoingClient, 'check'>, url: string): void {
  try {
    outgoing.check(url);
  } catch (error) {
    if (!(error instanceof OutgoingRefusedError)) throw error;
    throw new InvalidProblem([{ field: 'url', description: error.message, reason: `ADDRESS_${error.reason}` }]);
  }
}

/** A name stands for one content, and one import at a time. @throws PreconditionProblem */
function requireFree(before: ImportRow | undefined, { image, sha256 }: ImportImageRequest): void {
  if (before?.state === 'RUNNING')
    throw new PreconditionProblem('IMPORT_IN_PROGRESS', `the image ${image} is being imported; wait for its end`, {
      image,
    });
  if (before?.state === 'SUCCEEDED' && before.sha256 !== sha256)
    throw new PreconditionProblem(
      'IMAGE_EXISTS',
      `the image ${image} was imported from other content; choose another name, e.g. ${image}-2`,
      { image },
    );
}

/** How an import stands, and what its command is doing just now. Changes nothing. @throws NotFoundProblem */
export async function readImport(deps: ImageDeps, caller: Caller, agentId: string, image: string): Promise<ImportView> {
  const row = await deps.database.tenant(caller.orgId, (tx) => findImport(tx, agentId, image));
  if (row === undefined) throw new NotFoundProblem('image import', image);
  if (row.state !== 'RUNNING') return { row, detail: '' };
  const { commands } = await gatewayOf(deps, caller).getCommands({ commandIds: [row.command_id] });
  return { row, detail: commands[0]?.detail ?? '' };
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
