import { createHmac, hkdfSync } from 'node:crypto';

/** The key with which one role signs its tenant settings; the database holds the same, padded, where no role can read it. */
export interface ContextKey {
  readonly kid: string;
  readonly secret: Buffer;
}

/** How long a minted setting is good for; longer than any transaction's deadline. */
const lifetimeSeconds = 120;

/** The key of `role`, derived from the installation's master (HKDF-SHA256): services are given theirs, never the master. */
export function contextKeyOf(master: Buffer, role: string, generation = 1): ContextKey {
  const secret = Buffer.from(hkdfSync('sha256', master, 'truffle/database-context', `${role}/${generation}`, 32));
  return { kid: `${role}-${generation}`, secret };
}

/**
 * The tenant setting of one transaction: `org.expiry.kid.hmac`. Pass it as a bind parameter of `set_config('truffle.ctx', $1, true)`:
 * an injected statement cannot make one for another organization.
 */
export function mintContext(key: ContextKey, orgId: string, now: number): string {
  const claim = `${orgId}.${Math.floor(now / 1000) + lifetimeSeconds}.${key.kid}`;
  return `${claim}.${createHmac('sha256', key.secret).update(claim).digest('hex')}`;
}

/** The two padded keys of HMAC-SHA256 (RFC 2104), as the database's own function needs them. */
export function paddedKeys(key: ContextKey): { readonly inner: Buffer; readonly outer: Buffer } {
  const block = Buffer.alloc(64);
  key.secret.copy(block);
  return { inner: Buffer.from(block.map((b) => b ^ 0x36)), outer: Buffer.from(block.map((b) => b ^ 0x5c)) };
}
