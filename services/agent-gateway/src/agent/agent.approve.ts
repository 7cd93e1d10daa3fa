import { sql } from 'kysely';
import { appendEvent, type EventAuthor } from '@truffle/database';
import { InvalidProblem, NotFoundProblem, PreconditionProblem, StaleRevisionProblem } from '@truffle/kit';
import type { Tx } from '../tables.ts';
import { lockAgent } from './certificate.repo.ts';

/** The words as they are stored, whatever a person typed between them. */
const normalized = (words: string): string =>
  words
    .trim()
    .toLowerCase()
    .split(/[\s-]+/)
    .join('-');

/**
 * Lets an agent work that waits for approval, when the words are those of the keys that it enrolled with. Again does nothing again.
 * @throws NotFoundProblem, StaleRevisionProblem, PreconditionProblem, InvalidProblem
 */
export async function approveAgent(
  tx: Tx,
  author: EventAuthor,
  about: { readonly orgId: string; readonly agentId: string },
  seen: bigint,
  fingerprint: string,
): Promise<void> {
  const { orgId, agentId } = about;
  const agent = await lockAgent(tx, agentId);
  if (agent === undefined || agent.state === 'REVOKED') throw new NotFoundProblem('agent', agentId);
  if (seen !== 0n && seen !== BigInt(agent.revision))
    throw new StaleRevisionProblem('agent', agentId, seen, BigInt(agent.revision));
  if (agent.enrolment_words === null)
    throw new PreconditionProblem(
      'APPROVAL_NOT_WANTED',
      `agent ${agentId} was enrolled by a token that wants no approval`,
      {
        agentId,
      },
    );
  if (normalized(fingerprint) !== agent.enrolment_words)
    throw new InvalidProblem(
      [
        {
          field: 'fingerprint',
          description:
            'is not that of the agent that enrolled; if the site prints these words, revoke the agent: another machine used its token',
          reason: 'FINGERPRINT_MISMATCH',
        },
      ],
      'FINGERPRINT_MISMATCH',
    );
  if (agent.state !== 'PENDING_APPROVAL') return;
  await tx
    .updateTable('agent_gateway.agent')
    .set({ state: 'ENROLLED', state_since: sql<Date>`now()`, revision: sql<string>`revision + 1` })
    .where('id', '=', agentId)
    .execute();
  await appendEvent(tx, author, {
    orgId,
    name: 'agent.approved',
    resourceId: agentId,
    data: { before: { state: 'PENDING_APPROVAL' }, after: { state: 'ENROLLED' } },
  });
}
