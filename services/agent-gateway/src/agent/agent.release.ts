import { sql } from 'kysely';
import { appendEvent, type EventAuthor } from '@truffle/database';
import { NotFoundProblem, PreconditionProblem, StaleRevisionProblem } from '@truffle/kit';
import { lockSession } from '../session/session.repo.ts';
import type { Tx } from '../tables.ts';
import { readQuarantine } from './agent.quarantine.ts';
import { choose, type QuarantineHolder } from './holder.ts';
import { forgetRecoveries, lockAgent } from './certificate.repo.ts';

/** Holders that are remembered as not chosen; older ones come to a new conflict instead. */
const mostDenied = 32;

/** No holder has that fingerprint, or none was named; says which there are. */
export class HolderUnknownProblem extends PreconditionProblem {
  constructor(agentId: string, holders: readonly QuarantineHolder[]) {
    const known = holders.flatMap((holder) => holder.fingerprints).join(', ');
    super(
      'HOLDER_UNKNOWN',
      `name the holder that goes on as its machine shows it (truffle-agent status); known: ${known}`,
      {
        agentId,
        holders: known,
      },
    );
  }
}

/**
 * Lets an agent out of quarantine: the holder with that fingerprint goes on, the others are refused from now on. One that goes on with
 * another journal than the recorded one counts as a new installation, so that what may have taken effect is UNKNOWN and not done again.
 * Of an agent that is not quarantined it lifts the limit on recoveries.
 * @throws NotFoundProblem, StaleRevisionProblem, HolderUnknownProblem
 */
export async function releaseAgent(
  tx: Tx,
  author: EventAuthor,
  about: { readonly orgId: string; readonly agentId: string },
  seen: bigint,
  holder: string,
): Promise<void> {
  const { orgId, agentId } = about;
  await lockSession(tx, agentId);
  const agent = await lockAgent(tx, agentId);
  if (agent === undefined || agent.state === 'REVOKED') throw new NotFoundProblem('agent', agentId);
  if (seen !== 0n && seen !== BigInt(agent.revision))
    throw new StaleRevisionProblem('agent', agentId, seen, BigInt(agent.revision));
  const quarantine = agent.state === 'QUARANTINED' ? await readQuarantine(tx, agentId) : undefined;
  const event = { orgId, name: 'agent.released', resourceId: agentId };
  if (agent.state !== 'QUARANTINED') {
    if (agent.recoveries.length === 0) return;
    await forgetRecoveries(tx, agentId);
    return void (await appendEvent(tx, author, { ...event, data: { after: { recoveries: 0 } } }));
  }
  const holders = quarantine?.holders ?? [];
  const choice = choose(holders, holder);
  if (choice === undefined) throw new HolderUnknownProblem(agentId, holders);
  const { denied, anew } = choice;
  await tx
    .updateTable('agent_gateway.agent_session')
    .set({
      denied: sql<string[]>`(${denied}::text[] || denied)[1:${sql.lit(mostDenied)}]`,
      epoch: sql<string>`epoch + 1`,
      open: false,
      ...(!anew
        ? {}
        : {
            incarnation: null,
            journal_lsn: '0',
            continuity: quarantine?.row.other_continuity?.length === 32 ? quarantine.row.other_continuity : null,
            continuity_next: null,
          }),
    })
    .where('agent_id', '=', agentId)
    .execute();
  await tx.deleteFrom('agent_gateway.quarantine').where('agent_id', '=', agentId).execute();
  await tx
    .updateTable('agent_gateway.agent')
    .set({ state: 'OFFLINE', state_since: sql<Date>`now()` })
    .where('id', '=', agentId)
    .execute();
  await forgetRecoveries(tx, agentId);
  await appendEvent(tx, author, {
    ...event,
    data: { before: { state: 'QUARANTINED' }, after: { state: 'OFFLINE' }, holder, denied },
  });
}
