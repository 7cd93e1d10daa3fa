import type { Selectable } from 'kysely';
import type { Tx } from '../tables.ts';
import type { JoinTokenTable } from './join-token.table.ts';

/** Finds a token before its tenant is known. */
export const findToken = (tx: Tx, tokenSha256: Buffer) =>
  tx
    .selectFrom('agent_gateway.join_token')
    .select(['org_id', 'id'])
    .where('token_sha256', '=', tokenSha256)
    .executeTakeFirst();

export const lockToken = (tx: Tx, id: string): Promise<Selectable<JoinTokenTable>> =>
  tx.selectFrom('agent_gateway.join_token').selectAll().where('id', '=', id).forUpdate().executeTakeFirstOrThrow();

export const insertToken = (
  tx: Tx,
  token: Pick<JoinTokenTable, 'org_id' | 'id' | 'agent_name' | 'token_sha256' | 'expires_at'> & {
    readonly require_approval: boolean;
  },
) =>
  tx
    .insertInto('agent_gateway.join_token')
    .values({ ...token, used_at: null, revoked_at: null, csr_sha256: null, agent_id: null, certificate: null })
    .execute();

/** Ends the organization's tokens that nobody used yet. */
export const revokeTokens = (tx: Tx, at: Date) =>
  tx
    .updateTable('agent_gateway.join_token')
    .set({ revoked_at: at })
    .where('used_at', 'is', null)
    .where('revoked_at', 'is', null)
    .execute();

export const updateToken = (
  tx: Tx,
  id: string,
  values: Partial<Pick<JoinTokenTable, 'used_at' | 'revoked_at' | 'csr_sha256' | 'agent_id' | 'certificate'>>,
) => tx.updateTable('agent_gateway.join_token').set(values).where('id', '=', id).execute();
