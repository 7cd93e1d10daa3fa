import { appendEvent, InvalidPageTokenError, pageOf, type PageWanted } from '@truffle/database';
import { authorOf, StaleRevisionProblem, type Caller } from '@truffle/kit';
import { readAgentHolder } from '../agent/certificate.repo.ts';
import { demandHolder, type CertificateHolder } from '../agent/certificate.usecases.ts';
import type { GatewayDatabase, Tx } from '../tables.ts';
import {
  countTries,
  findRollout,
  insertAgentUpdate,
  listAgentUpdates,
  lockRollout,
  moveRollout,
  storeRollout,
  type AgentUpdateRow,
  type RolloutRow,
} from './rollout.repo.ts';
import {
  defaultFailureLimit,
  isTooBad,
  wantedVersion,
  type RolloutStanding,
  type Tries,
  type UpdateOutcome,
} from './rollout.ts';

type Tenants = Pick<GatewayDatabase, 'tenant'>;

export interface RolloutView {
  readonly row: RolloutRow | undefined;
  readonly tries: Tries;
}

export interface RolloutWanted {
  readonly version: string;
  readonly percent: number;
  readonly paused: boolean;
  /** 0 for the default. */
  readonly failureLimitPercent: number;
  /** The revision that the caller saw. */
  readonly revision: bigint;
}

export const getRollout = (database: Tenants, orgId: string): Promise<RolloutView> =>
  database.tenant(orgId, async (tx) => viewOf(tx, await findRollout(tx)));

/** Says which version agents are to have. @throws StaleRevisionProblem */
export function setRollout(database: Tenants, caller: Caller, wanted: RolloutWanted): Promise<RolloutView> {
  const { orgId } = caller;
  return database.tenant(orgId, async (tx) => {
    const before = await lockRollout(tx);
    const current = BigInt(before?.revision ?? 0);
    if (current !== wanted.revision)
      throw new StaleRevisionProblem('agent rollout of', orgId, wanted.revision, current);
    const row = await storeRollout(tx, {
      org_id: orgId,
      version: wanted.version,
      percent: wanted.percent,
      state: wanted.paused ? 'PAUSED' : 'ACTIVE',
      reason: wanted.paused ? 'a person holds it' : '',
      failure_limit_percent: wanted.failureLimitPercent === 0 ? defaultFailureLimit : wanted.failureLimitPercent,
      revision: String(current + 1n),
    });
    const { version, percent, state } = row;
    await appendEvent(tx, authorOf(caller), {
      orgId,
      name: 'rollout.set',
      resourceId: orgId,
      data: {
        version,
        percent,
        state,
        ...(before === undefined
          ? {}
          : { before: { version: before.version, percent: before.percent, state: before.state } }),
      },
    });
    return viewOf(tx, row);
  });
}

/** One page of how updates ended, newest first. @throws InvalidPageTokenError */
export async function listUpdates(
  database: Tenants,
  orgId: string,
  wanted: PageWanted | undefined,
): Promise<{ readonly rows: readonly AgentUpdateRow[]; readonly next: string }> {
  const page = pageOf(wanted);
  const after = page.after === undefined ? undefined : positionOf(page.after);
  return database.tenant(orgId, async (tx) =>
    page.cut(
      await listAgentUpdates(tx, after, page.limit + 1),
      (row) => `${row.told_at.toISOString()} ${row.agent_id}`,
    ),
  );
}

function positionOf(token: string): { readonly toldAt: Date; readonly agentId: string } {
  const [time = '', agentId = ''] = token.split(' ');
  const toldAt = new Date(time);
  if (Number.isNaN(toldAt.getTime())) throw new InvalidPageTokenError();
  return { toldAt, agentId };
}

/** How an update ended, as an agent tells it. */
export interface UpdateTold {
  readonly from: string;
  readonly to: string;
  readonly outcome: UpdateOutcome;
  readonly reason: string;
  readonly endedAt: Date;
}

/** Takes in how an agent's newest update ended, and answers the version that it is to have. @throws Problem when its certificate is not good */
export function checkUpdate(
  database: Tenants,
  holder: CertificateHolder,
  has: string,
  last: UpdateTold | undefined,
): Promise<string> {
  const { orgId, agentId } = holder;
  return database.tenant(orgId, async (tx) => {
    demandHolder(await readAgentHolder(tx, agentId), holder);
    const rollout = last === undefined ? await findRollout(tx) : await takeEnding(tx, holder, last);
    return wantedVersion(rollout === undefined ? undefined : standingOf(rollout), { orgId, agentId, has });
  });
}

/** @returns the rollout as it is after that */
async function takeEnding(
  tx: Tx,
  { orgId, agentId }: CertificateHolder,
  last: UpdateTold,
): Promise<RolloutRow | undefined> {
  const rollout = await lockRollout(tx);
  const { from, to, outcome, reason, endedAt } = last;
  const row = {
    org_id: orgId,
    agent_id: agentId,
    from_version: from,
    to_version: to,
    outcome,
    reason,
    ended_at: endedAt,
  };
  if (!(await insertAgentUpdate(tx, row))) return rollout;
  const author = { subject: `agent:${agentId}`, requestId: agentId };
  await appendEvent(tx, author, {
    orgId,
    name:
      outcome === 'UPDATED'
        ? 'agent.updated'
        : outcome === 'ROLLED_BACK'
          ? 'agent.update_rolled_back'
          : 'agent.update_failed',
    resourceId: agentId,
    data: { from, to, reason },
  });
  if (rollout?.state !== 'ACTIVE' || rollout.version !== to || outcome !== 'ROLLED_BACK') return rollout;
  const tries = await countTries(tx, to);
  if (!isTooBad(tries, rollout.failure_limit_percent)) return rollout;
  const why = `${tries.rolledBack} of ${tries.rolledBack + tries.updated} agents that tried ${to} went back`;
  await moveRollout(tx, 'HALTED', why);
  await appendEvent(tx, author, {
    orgId,
    name: 'rollout.halted',
    resourceId: orgId,
    data: { version: to, ...tries, reason: why },
  });
  return { ...rollout, state: 'HALTED' };
}

const viewOf = async (tx: Tx, row: RolloutRow | undefined): Promise<RolloutView> => ({
  row,
  tries: row === undefined ? { updated: 0, rolledBack: 0 } : await countTries(tx, row.version),
});

const standingOf = (row: RolloutRow): RolloutStanding => ({
  version: row.version,
  percent: row.percent,
  state: row.state,
  failureLimitPercent: row.failure_limit_percent,
});
