import { isId } from '@truffle/ids';
import type { Caller } from '@truffle/kit';
import { findBearerConnection, type ConnectionRow } from '../connection/connection.repo.ts';
import { verifyBearer } from '../connection/keycloak.ts';
import { readToken, type Claims } from '../issuer/token.ts';
import type { TenantParts } from '../parts.ts';
import { admit, type Admitted } from './provision.usecases.ts';

/** A person who calls the API with their provider's access token. */
export interface Bearer extends Admitted {
  readonly connection: ConnectionRow;
  readonly claims: Claims;
}

/**
 * Whose access token this is. Its audience names the connection, so that no other organization's connection to the same issuer takes it.
 * @throws Problem for every token that is not good, and for people whom the connection does not let in
 */
export async function bearerOf(parts: TenantParts, caller: Caller, jwt: string): Promise<Bearer | undefined> {
  const { issuer, audience } = readToken(jwt);
  const ids = audience.filter((each) => isId(each, 'con')).slice(0, 10);
  if (ids.length === 0) return undefined;
  const connection = await parts.identity.anywhere((tx) => findBearerConnection(tx, ids, issuer));
  if (connection === undefined) return undefined;
  const claims = await verifyBearer(parts.issuers, jwt, connection.issuer, connection.id);
  return { connection, claims, ...(await admit(parts, caller, connection, claims)) };
}
