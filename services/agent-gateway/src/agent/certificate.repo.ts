import type { Selectable } from 'kysely';
import { sql } from 'kysely';
import type { IssuedCertificate } from '../authority/authority.ts';
import type { Tx } from '../tables.ts';
import type { AgentTable } from './agent.table.ts';

/** The agent with its row locked; undefined when there is none. */
export const lockAgent = (tx: Tx, agentId: string): Promise<Selectable<AgentTable> | undefined> =>
  tx.selectFrom('agent_gateway.agent').selectAll().where('id', '=', agentId).forUpdate().executeTakeFirst();

/** What decides whether an agent's certificate is good; the agent is not locked. */
export const readAgentHolder = (
  tx: Tx,
  agentId: string,
): Promise<Pick<Selectable<AgentTable>, 'state' | 'certificate_serial' | 'next_serial'> | undefined> =>
  tx
    .selectFrom('agent_gateway.agent')
    .select(['state', 'certificate_serial', 'next_serial'])
    .where('id', '=', agentId)
    .executeTakeFirst();

/** Which organization an agent is in, before a tenant is known. */
export const organizationOf = (tx: Tx, agentId: string) =>
  tx.selectFrom('agent_gateway.agent').select('org_id').where('id', '=', agentId).executeTakeFirst();

/** Stores the certificate that is accepted beside the present one until a session was opened with it. */
export async function storeNext(
  tx: Tx,
  agentId: string,
  issued: IssuedCertificate,
  csrSha256: Buffer,
  more: { readonly recovered?: boolean } = {},
): Promise<void> {
  await tx
    .updateTable('agent_gateway.agent')
    .set({
      next_serial: issued.serial,
      next_csr_sha256: csrSha256,
      next_certificate: issued.der,
      next_ends: issued.ends,
      next_issued_at: sql<Date>`now()`,
      ...(more.recovered === true
        ? { recoveries: sql<Date[]>`recoveries[greatest(1, cardinality(recoveries) - 30):] || now()` }
        : {}),
    })
    .where('id', '=', agentId)
    .execute();
}

/** The next certificate becomes the present one when it is the one of that serial; the former one ends. */
export async function adoptNext(tx: Tx, agentId: string, serial: string): Promise<void> {
  await tx
    .updateTable('agent_gateway.agent')
    .set((eb) => ({
      certificate_serial: eb.ref('next_serial').$notNull(),
      certificate_ends: eb.ref('next_ends'),
      next_serial: null,
      next_csr_sha256: null,
      next_certificate: null,
      next_ends: null,
    }))
    .where('id', '=', agentId)
    .where('next_serial', '=', serial)
    .execute();
}

/** Notes that an agent was told that it may not recover by itself. */
export const noteRecoveryRefused = (tx: Tx, agentId: string) =>
  tx
    .updateTable('agent_gateway.agent')
    .set({ recovery_refused_at: sql<Date>`now()` })
    .where('id', '=', agentId)
    .execute();

/** The agent may recover by itself as if it never had. */
export const forgetRecoveries = (tx: Tx, agentId: string) =>
  tx
    .updateTable('agent_gateway.agent')
    .set({ recoveries: [], recovery_refused_at: null, revision: sql<string>`revision + 1` })
    .where('id', '=', agentId)
    .execute();
