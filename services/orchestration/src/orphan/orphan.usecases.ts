import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { create, toBinary } from '@bufbuild/protobuf';
import { durationFromMs, timestampFromMs } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, type Client } from '@connectrpc/connect';
import { AgentState } from '@truffle/api/agent/v1/agent';
import { CommandPayloadSchema } from '@truffle/api/agent/v1/command';
import { CommandService, CommandState, type CommandStatus } from '@truffle/api/agent/v1/command_service';
import { OrphanFate, type Orphan } from '@truffle/api/agent/v1/site_command';
import { appendEvent, type Database } from '@truffle/database';
import { newId } from '@truffle/ids';
import {
  authorOf,
  onBehalfOf,
  PreconditionProblem,
  Problem,
  type Caller,
  type Peers,
  type ScopeOf,
} from '@truffle/kit';
import type { Tables } from '../cluster/cluster.table.ts';
import type { CommandSigner } from '../command-key/command-key.ts';
import { nextFence } from '../server/server.repo.ts';
import { noteOrphans, readClaims, type OrphanClaims } from './orphan.repo.ts';

export interface OrphanDeps {
  readonly database: Database<Tables>;
  readonly peers: Peers;
  readonly signer: CommandSigner;
}

/** An orphan, with the name of the server that it was. */
export interface NamedOrphan extends Pick<Orphan, 'vmid' | 'node' | 'serverId' | 'fate' | 'reason' | 'command'> {
  readonly serverName: string;
}

/** Milliseconds: for the agent to begin, for it to work, and that a caller waits. */
const beginMs = 30_000;
const runMs = 10 * 60_000;
const waitMs = 25_000;
const pollMs = 300;
/** Where an agent is, for deciding who may do something with it: in its organization. Agents are the gateway's, so it is asked. */
export const agentScopeIn =
  (peers: Peers): ScopeOf =>
  async (orgId, id) => {
    try {
      const about = { orgId, requestId: newId('req') };
      const { agent } = await peers.client('agent-gateway', CommandService, about).getSite({ agentId: id });
      return agent === undefined ? undefined : {};
    } catch (error) {
      if (ConnectError.from(error).code === Code.NotFound) return undefined;
      throw error;
    }
  };

/** What one command holds, with room to spare in its 240 KiB. */
const mostLeases = 2_000;

/**
 * Has an agent look for what is ours and wanted no more, and remove it if `remove`. What stands there afterwards keeps its number from being
 * leased anew.
 * @throws NotFoundProblem; PreconditionProblem AGENT_OFFLINE, ORPHANS_FAILED; OrphansTimeoutProblem
 */
export async function collectOrphans(
  deps: OrphanDeps,
  caller: Caller,
  agentId: string,
  remove: boolean,
): Promise<readonly NamedOrphan[]> {
  const gateway = deps.peers.client('agent-gateway', CommandService, onBehalfOf(caller));
  const { agent } = await gateway.getSite({ agentId });
  if (agent?.state !== AgentState.ONLINE)
    throw new PreconditionProblem(
      'AGENT_OFFLINE',
      `the agent ${agent?.name ?? agentId} is not connected; start it on its site, then look again`,
      { agentId },
    );
  const { claims, fence } = await deps.database.tenant(caller.orgId, async (tx) => ({
    claims: await readClaims(tx, agentId, mostLeases),
    fence: await nextFence(tx),
  }));
  const command = commandFor(deps.signer, caller, agentId, claims, fence, remove);
  await gateway.enqueueCommands({ commands: [command] });
  const found = orphansIn(await ended(gateway, command.id, agentId));
  const standing = found.filter((each) => each.fate !== OrphanFate.REMOVED).map((each) => each.vmid);
  await deps.database.tenant(caller.orgId, async (tx) => {
    await noteOrphans(tx, agentId, claims.leases, standing);
    await appendEvent(tx, authorOf(caller), {
      orgId: caller.orgId,
      name: 'orphan.collected',
      resourceId: agentId,
      projectId: undefined,
      data: { commandId: command.id, remove, found: found.length, standing },
    });
  });
  const names = new Map(claims.leases.map((each) => [each.serverId, each.serverName]));
  return found.map((each) => ({ ...each, serverName: names.get(each.serverId) ?? '' }));
}

function commandFor(
  signer: CommandSigner,
  caller: Caller,
  agentId: string,
  { wanted, leases }: OrphanClaims,
  fence: bigint,
  remove: boolean,
) {
  const value = {
    orgId: caller.orgId,
    wantedServerIds: [...wanted],
    leases: leases.map(({ vmid, serverId }) => ({ vmid, serverId })),
    // A server that is DELETED is never wanted again, so there is nothing to wait for.
    graceSeconds: 0,
    dryRun: !remove,
  };
  const op = 'collectOrphans';
  const payload = toBinary(CommandPayloadSchema, create(CommandPayloadSchema, { op: { case: op, value } }));
  const terms = {
    orgId: caller.orgId,
    agentId,
    commandId: newId('cmd'),
    resourceKey: `site:${agentId}`,
    fence,
    op,
    payloadSha256: createHash('sha256').update(payload).digest(),
    startBy: Date.now() + beginMs,
    runTimeout: runMs,
    needsPermit: true,
  };
  return {
    id: terms.commandId,
    agentId,
    resourceKey: terms.resourceKey,
    fence,
    payload,
    startBy: timestampFromMs(terms.startBy),
    runTimeout: durationFromMs(runMs),
    needsPermit: true,
    ...signer.sign(terms),
    traceparent: caller.traceparent,
  };
}

/** Waits for a command's end. @throws OrphansTimeoutProblem */
async function ended(gateway: Client<typeof CommandService>, id: string, agentId: string): Promise<CommandStatus> {
  const until = performance.now() + waitMs;
  for (;;) {
    const [command] = (await gateway.getCommands({ commandIds: [id] })).commands;
    if (command?.endedAt !== undefined) return command;
    if (performance.now() > until) throw new OrphansTimeoutProblem(agentId);
    await delay(pollMs);
  }
}

function orphansIn({ state, output, failure }: CommandStatus): readonly Orphan[] {
  if (state === CommandState.SUCCEEDED && output?.output.case === 'orphans') return output.output.value.orphans;
  throw new PreconditionProblem(
    failure?.reason || 'ORPHANS_FAILED',
    failure === undefined || failure.message === ''
      ? `the agent did not look: the command ended ${CommandState[state].toLowerCase()}`
      : [failure.message, failure.remedy].filter(Boolean).join('; '),
  );
}

/** The agent did not say in time what it found. It may still be at work; asking again does no harm. */
export class OrphansTimeoutProblem extends Problem {
  override readonly name = 'OrphansTimeoutProblem';
  constructor(agentId: string) {
    super(
      Code.DeadlineExceeded,
      'ORPHANS_TIMEOUT',
      `the agent ${agentId} did not say within ${waitMs / 1000} s what it found; it may still be at work: ask again in a while`,
      { parameters: { agentId } },
    );
  }
}
