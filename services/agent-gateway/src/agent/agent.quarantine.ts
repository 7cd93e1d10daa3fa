import { sql, type Selectable } from 'kysely';
import { appendEvent } from '@truffle/database';
import type { Logger } from '@truffle/telemetry';
import { fingerprintOf, type HolderClaim } from '../session/admission.ts';
import { offeredTokens } from '../session/session.repo.ts';
import type { Tx } from '../tables.ts';
import { setStanding } from './agent.repo.ts';
import type { QuarantineTable } from './agent.table.ts';
import { holdersOf, type QuarantineHolder } from './holder.ts';

/**
 * Puts an agent in quarantine: no session, no permit, until a person decides. Who is there already stays as it is: the first conflict is
 * the one to decide. False then; after true `alarm` is to be called, once the transaction is committed.
 */
export async function quarantineAgent(
  tx: Tx,
  { orgId, agentId }: { readonly orgId: string; readonly agentId: string },
  why: { readonly reason: string; readonly message: string },
  other?: HolderClaim,
): Promise<boolean> {
  const before = await setStanding(tx, agentId, 'QUARANTINED');
  if (before === undefined || before.state === 'QUARANTINED') return false;
  const { reason, message } = why;
  const values = {
    org_id: orgId,
    agent_id: agentId,
    reason,
    message,
    other_incarnation: other?.incarnation ?? null,
    other_lsn: other === undefined ? null : String(other.journalLsn),
    other_continuity: other === undefined ? null : Buffer.from(other.continuity, 'hex'),
  };
  await tx
    .insertInto('agent_gateway.quarantine')
    .values(values)
    .onConflict((c) => c.columns(['org_id', 'agent_id']).doUpdateSet(values))
    .execute();
  await appendEvent(
    tx,
    { subject: `agent:${agentId}`, requestId: agentId },
    {
      orgId,
      name: 'agent.quarantined',
      resourceId: agentId,
      data: {
        before: { state: before.state },
        after: { state: 'QUARANTINED' },
        reason,
        message,
        ...(other === undefined ? {} : { other: fingerprintOf(other.incarnation, other.continuity) }),
        wayOut: wayOut(agentId, reason),
      },
    },
  );
  return true;
}

/** Tells whoever runs the control plane; the organization is told by the event. */
export function alarm(
  logger: Logger,
  agent: { readonly orgId: string; readonly agentId: string },
  { reason, message }: { readonly reason: string; readonly message: string },
): void {
  const { orgId, agentId } = agent;
  logger.error({ orgId, agentId, reason, message, wayOut: wayOut(agentId, reason) }, 'an agent is in quarantine');
}

/** What ends a quarantine, one step each. `agent`: its name or id, as commands take it. */
export function wayOut(agent: string, reason: string): readonly string[] {
  const name = agent.startsWith('agt_') ? 'NAME' : agent;
  const anew = `or on the site: truffle-agent reset --yes; then here: truffle agent join-token create ${name}`;
  const release = `truffle agent release ${agent} --holder HOLDER`;
  switch (reason) {
    case 'IDENTITY_CONFLICT':
      return [
        'on the machine that shall go on, read its holder: truffle-agent status',
        `here: ${release}`,
        'on any other machine that has its data folder: truffle-agent reset --yes',
      ];
    case 'KEY_SUBSTITUTED':
      return [
        `give it no secret; compare the fingerprint on the site (truffle-agent status) with: truffle agent get ${agent}`,
        'find out who published another key: a restored database, or somebody in between; secrets given since then are to be changed',
        `once both are the same: ${release}`,
        anew,
      ];
    default:
      return [
        'on the site, look at its log and its version: truffle-agent status',
        `once it is mended: ${release}`,
        anew,
      ];
  }
}

export interface QuarantineView {
  readonly row: Selectable<QuarantineTable>;
  readonly holders: readonly QuarantineHolder[];
}

/** Why an agent is quarantined and who says to be it; undefined when it is not. */
export async function readQuarantine(tx: Tx, agentId: string): Promise<QuarantineView | undefined> {
  const [row, session] = await Promise.all([
    tx.selectFrom('agent_gateway.quarantine').selectAll().where('agent_id', '=', agentId).executeTakeFirst(),
    tx
      .selectFrom('agent_gateway.agent_session')
      .select(['incarnation', 'journal_lsn', 'continuity', 'continuity_next'])
      .where('agent_id', '=', agentId)
      .executeTakeFirst(),
  ]);
  if (row === undefined) return undefined;
  const recorded =
    session === undefined
      ? undefined
      : {
          incarnation: session.incarnation,
          journalLsn: BigInt(session.journal_lsn),
          continuity: session.continuity?.toString('hex') ?? null,
          offered: offeredTokens(session.continuity_next ?? Buffer.alloc(0)).map((token) => token.toString('hex')),
        };
  const other =
    row.other_incarnation === null
      ? undefined
      : {
          incarnation: row.other_incarnation,
          journalLsn: BigInt(row.other_lsn ?? 0),
          continuity: row.other_continuity?.toString('hex') ?? '',
        };
  return { row, holders: holdersOf(recorded, other) };
}

/** Why agents of a page are quarantined, by agent. */
export async function readReasons(
  tx: Tx,
  agentIds: readonly string[],
): Promise<ReadonlyMap<string, Selectable<QuarantineTable>>> {
  if (agentIds.length === 0) return new Map();
  const rows = await tx
    .selectFrom('agent_gateway.quarantine')
    .selectAll()
    .where('agent_id', '=', sql<string>`any(${agentIds}::text[])`)
    .execute();
  return new Map(rows.map((row) => [row.agent_id, row]));
}
