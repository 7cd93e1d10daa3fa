import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { create } from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';
import { CommandPayloadSchema } from '@truffle/api/agent/v1/command';
import type { OrderedPage } from '@truffle/database';
import { newId } from '@truffle/ids';
import {
  authorOf,
  NotFoundProblem,
  PreconditionProblem,
  Problem,
  type Bell,
  type Caller,
  type ListView,
} from '@truffle/kit';
import { readCommands, type CommandRow } from '../command/command.repo.ts';
import { isTerminal } from '../command/command.ts';
import { enqueueCommands, queuedOf } from '../command/command.usecases.ts';
import { tellOf } from '../command/flow.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { GatewayDatabase } from '../tables.ts';
import { countOpenCommands, listAgents, readAgent, type AgentRow } from './agent.repo.ts';
import { approveAgent } from './agent.approve.ts';
import { readQuarantine, readReasons, type QuarantineView } from './agent.quarantine.ts';
import { releaseAgent } from './agent.release.ts';
import { revokeAgent } from './agent.revoke.ts';
import { AgentOfflineProblem } from './enrollment.usecases.ts';
import type { EndedCommands } from '../command/ended-commands.ts';

export interface AgentParts {
  readonly database: GatewayDatabase;
  readonly gateway: Gateway;
  readonly bell: Bell;
  readonly ended: EndedCommands;
}

export interface AgentView {
  readonly row: AgentRow;
  readonly openCommands: number;
  readonly quarantine?: QuarantineView | undefined;
}

/** @throws NotFoundProblem */
export function getAgent(parts: AgentParts, orgId: string, agentId: string): Promise<AgentView> {
  return parts.database.tenant(orgId, async (tx) => {
    const [row, open, quarantine] = await Promise.all([
      readAgent(tx, agentId),
      countOpenCommands(tx, [agentId]),
      readQuarantine(tx, agentId),
    ]);
    if (row === undefined) throw new NotFoundProblem('agent', agentId);
    return { row, openCommands: open.get(agentId) ?? 0, quarantine };
  });
}

/** A person lets an agent out of quarantine, or recover once more. @throws see `releaseAgent` */
export async function freeAgent(
  parts: AgentParts,
  caller: Caller,
  wanted: { readonly agentId: string; readonly revision: bigint; readonly holder: string },
): Promise<AgentView> {
  const about = { orgId: caller.orgId, agentId: wanted.agentId };
  await parts.database.tenant(caller.orgId, (tx) =>
    releaseAgent(tx, authorOf(caller), about, wanted.revision, wanted.holder),
  );
  return getAgent(parts, caller.orgId, wanted.agentId);
}

/** A person lets an agent work whose words were compared. @throws see `approveAgent` */
export async function admitAgent(
  parts: AgentParts,
  caller: Caller,
  wanted: { readonly agentId: string; readonly revision: bigint; readonly fingerprint: string },
): Promise<AgentView> {
  const about = { orgId: caller.orgId, agentId: wanted.agentId };
  await parts.database.tenant(caller.orgId, (tx) =>
    approveAgent(tx, authorOf(caller), about, wanted.revision, wanted.fingerprint),
  );
  return getAgent(parts, caller.orgId, wanted.agentId);
}

export function pageOfAgents(
  parts: AgentParts,
  orgId: string,
  wanted: { readonly name: string; readonly seen: ListView },
  page: OrderedPage,
): Promise<{ readonly agents: readonly AgentView[]; readonly next: string }> {
  return parts.database.tenant(orgId, async (tx) => {
    const found = page.cut(await listAgents(tx, wanted, page));
    const ids = found.rows.map((row) => row.id);
    const held = found.rows.filter((row) => row.state === 'QUARANTINED').map((row) => row.id);
    const [open, reasons] = await Promise.all([countOpenCommands(tx, ids), readReasons(tx, held)]);
    const viewOf = (row: AgentRow): AgentView => {
      const reason = reasons.get(row.id);
      const quarantine = reason === undefined ? undefined : { row: reason, holders: [] };
      return { row, openCommands: open.get(row.id) ?? 0, quarantine };
    };
    return { agents: found.rows.map(viewOf), next: found.next };
  });
}

/** Revokes an agent; its stream closes on whatever gateway it is. @throws NotFoundProblem, StaleRevisionProblem */
export async function deleteAgent(parts: AgentParts, caller: Caller, agentId: string, revision: bigint): Promise<void> {
  const moved = await parts.database.tenant(caller.orgId, (tx) =>
    revokeAgent(tx, authorOf(caller), caller.orgId, agentId, 'on demand', revision),
  );
  parts.gateway.revoked(agentId);
  tellOf(parts.bell, moved ?? []);
}

const pingMs = 30_000;
const pollMs = 500;

/**
 * Sends a Ping and waits for its result; answers the milliseconds that it took.
 * @throws NotFoundProblem, AgentOfflineProblem, PingTimeoutProblem
 */
export async function pingAgent(parts: AgentParts, caller: Caller, agentId: string): Promise<number> {
  const began = performance.now();
  const id = newId('cmd');
  const payload = create(CommandPayloadSchema, { op: { case: 'ping', value: { nonce: randomUUID() } } });
  const ended = parts.ended.watch(id);
  try {
    await enqueueCommands(
      parts,
      caller.orgId,
      [
        queuedOf({
          id,
          agentId,
          resourceKey: `agent:${agentId}`,
          fence: 0n,
          payload,
          startBy: new Date(Date.now() + pingMs),
          runTimeoutMs: pingMs,
          traceparent: caller.traceparent,
        }),
      ],
      (agent) => {
        if (agent.state !== 'ONLINE') throw new AgentOfflineProblem(agentId, agent.state, agent.state_since);
      },
    );
    const row = await waitFor(parts, caller.orgId, id, ended.heard, began + pingMs);
    if (row === undefined) throw new PingTimeoutProblem(agentId);
    if (row.state !== 'SUCCEEDED')
      throw new PreconditionProblem(
        'PING_FAILED',
        `the agent did not answer the ping: it ended ${row.state.toLowerCase()}`,
        { agentId, state: row.state },
      );
    return performance.now() - began;
  } finally {
    ended.forget();
  }
}

/** The command once it ended; undefined when that took too long. The doorbell is quick, the poll is sure. */
async function waitFor(
  parts: AgentParts,
  orgId: string,
  id: string,
  heard: Promise<void>,
  until: number,
): Promise<CommandRow | undefined> {
  let quick: Promise<unknown> = heard;
  while (performance.now() < until) {
    const gone = new AbortController();
    await Promise.race([quick, delay(pollMs, undefined, { signal: gone.signal }).catch(() => undefined)]);
    gone.abort();
    const [row] = await parts.database.tenant(orgId, (tx) => readCommands(tx, [id]));
    if (row !== undefined && isTerminal(row.state)) return row;
    quick = new Promise(() => undefined);
  }
  return undefined;
}

/** The agent is connected but did not answer in time. */
export class PingTimeoutProblem extends Problem {
  override readonly name = 'PingTimeoutProblem';
  constructor(agentId: string) {
    super(Code.DeadlineExceeded, 'PING_TIMEOUT', `agent ${agentId} did not answer within ${pingMs / 1000} s`, {
      parameters: { agentId },
    });
  }
}
