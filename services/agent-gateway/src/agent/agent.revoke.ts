import { appendEvent, type EventAuthor } from '@truffle/database';
import { NotFoundProblem, StaleRevisionProblem } from '@truffle/kit';
import { advance } from '../command/advance.ts';
import { cancelledFailure } from '../command/command.codec.ts';
import { lockOpenCommands, saveCommands, type LockedCommand } from '../command/command.repo.ts';
import { lockSession } from '../session/session.repo.ts';
import type { Tx } from '../tables.ts';
import { readAgent, setStanding } from './agent.repo.ts';

/**
 * Revokes an agent for good: no session, no permit, no new work; what had no permit is cancelled. Answers the commands that moved;
 * undefined when it was revoked before.
 * @throws NotFoundProblem, StaleRevisionProblem
 */
export async function revokeAgent(
  tx: Tx,
  author: EventAuthor,
  orgId: string,
  agentId: string,
  why: string,
  seen = 0n,
): Promise<readonly { readonly after: LockedCommand }[] | undefined> {
  await lockSession(tx, agentId);
  const agent = await readAgent(tx, agentId);
  if (agent === undefined) throw new NotFoundProblem('agent', agentId);
  if (agent.state === 'REVOKED') return undefined;
  if (seen !== 0n && seen !== BigInt(agent.revision))
    throw new StaleRevisionProblem('agent', agentId, seen, BigInt(agent.revision));
  await setStanding(tx, agentId, 'REVOKED');
  const moved = (await lockOpenCommands(tx, agentId)).map((before) => {
    const step = advance(
      before,
      { kind: 'cancel', failure: cancelledFailure },
      { now: Date.now(), mayBegin: false, incarnation: '', resourceBusy: true },
    );
    return { after: { ...before, ...step.command } };
  });
  await saveCommands(
    tx,
    moved.map((m) => m.after),
  );
  await appendEvent(tx, author, {
    orgId,
    name: 'agent.revoked',
    resourceId: agentId,
    data: { before: { state: agent.state }, after: { state: 'REVOKED' }, why },
  });
  return moved;
}
