import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { Stack } from './stack.fixture.ts';

/** Gives tokens by a trust as its issuer's would be exchanged for, one after the other; each ends later than the one before. */
export async function putTokens({ databaseUrl }: Stack, trustId: string, subjects: readonly string[]): Promise<void> {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  try {
    for (const [n, subject] of subjects.entries())
      await client.query(
        `INSERT INTO tenant.workload_token (org_id, id, trust_id, subject, secret_sha256, address, created_at, expires_at)
         SELECT org_id, $2, id, $3, $4, '192.0.2.1', now(), now() + make_interval(mins => $5::int) FROM tenant.trust WHERE id = $1`,
        [trustId, `wkt_${String(n).padStart(26, '0')}`, subject, randomBytes(32), 10 + n],
      );
  } finally {
    await client.end();
  }
}
