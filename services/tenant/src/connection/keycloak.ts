import { createRequire } from 'node:module';
import { exportSPKI } from 'jose';
import type { Issuers } from '../issuer/issuers.ts';
import { readToken, TokenProblem, type Claims } from '../issuer/token.ts';

interface KeycloakToken {
  readonly content: Claims;
}

type MakeToken = new (jwt: string, clientId: string) => KeycloakToken;
type MakeManager = new (config: {
  readonly realmUrl: string;
  readonly clientId: string;
  readonly publicKey: string;
  readonly bearerOnly: true;
  readonly verifyTokenAudience: true;
}) => { validateToken(token: KeycloakToken, expectedType: 'Bearer'): Promise<KeycloakToken> };

const load = createRequire(import.meta.url);
// Only these two modules of the package, which is CommonJS and untyped: its middleware is not for us.
const GrantManager = load('keycloak-connect/middleware/auth-utils/grant-manager') as MakeManager;
const Token = load('keycloak-connect/middleware/auth-utils/token') as MakeToken;

/** What Keycloak's grant manager knows how to check. */
const algorithm = 'RS256';

/**
 * The claims of a Keycloak realm's access token for `audience`. Our own verifier looks first, at everything; then Keycloak's grant manager looks
 * at what is Keycloak's own (the token's type). The manager is given the key: it would fetch keys past the guarded client.
 * @throws TokenProblem
 */
export async function verifyBearer(issuers: Issuers, jwt: string, realm: string, audience: string): Promise<Claims> {
  const { algorithm: alg, keyId } = readToken(jwt);
  if (alg !== algorithm) throw new TokenProblem();
  const claims = await issuers.verify(jwt, realm, audience);
  const { keys } = await issuers.find(realm);
  const key = await keys({ alg, kid: keyId }, { payload: '', signature: '' });
  if (!('type' in key) || key.type !== 'public') throw new TokenProblem();
  const publicKey = await exportSPKI(key);
  const manager = new GrantManager({
    realmUrl: realm,
    clientId: audience,
    publicKey,
    bearerOnly: true,
    verifyTokenAudience: true,
  });
  try {
    await manager.validateToken(new Token(jwt, audience), 'Bearer');
  } catch (error) {
    throw new TokenProblem(undefined, error);
  }
  return claims;
}
