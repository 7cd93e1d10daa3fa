import { randomBytes } from 'node:crypto';
import type { Transaction } from '@truffle/database';
import { installation, type Envelope } from '@truffle/envelope';
import type { FlowSecrets } from '../connection/openid.ts';
import type { TenantTables } from '../tables.ts';
import type { FlowRow } from './flow.repo.ts';

const placeOf = (stateSha256: Buffer) => ({
  table: 'tenant.sign_in_flow',
  column: 'sealed_secrets',
  id: stateSha256.toString('hex'),
});

/** Nonce and PKCE verifier of a new sign-in: 256 random bits each, 43 characters. */
export const newFlowSecrets = (state: string): FlowSecrets => ({
  state,
  nonce: randomBytes(32).toString('base64url'),
  verifier: randomBytes(32).toString('base64url'),
});

/** What is stored of them; the state is the browser's alone. */
export const sealFlow = (
  envelope: Envelope,
  tx: Transaction<TenantTables>,
  stateSha256: Buffer,
  { nonce, verifier }: FlowSecrets,
): Promise<Buffer> => envelope.seal(tx, installation, placeOf(stateSha256), JSON.stringify([nonce, verifier]));

/** @throws EnvelopeError */
export async function openFlow(
  envelope: Envelope,
  tx: Transaction<TenantTables>,
  row: FlowRow,
  state: string,
): Promise<FlowSecrets> {
  const opened = await envelope.open(tx, installation, placeOf(row.state_sha256), row.sealed_secrets);
  const [nonce, verifier] = JSON.parse(opened.toString()) as [string, string];
  return { state, nonce, verifier };
}
