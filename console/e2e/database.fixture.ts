import pg from 'pg';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import type { Stack } from './stack.fixture.ts';

/** Removes a factor that is not there: it changes nothing, and wants a proof. Answers what the API says to it. */
const dangerous = `fetch('/truffle.tenant.v1.FactorService/DeleteFactor', {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ factorId: 'fac_' + '0'.repeat(26) }),
}).then((answer) => answer.status)`;

/** Lets a person's last proof of who they are be an hour ago, as waiting would, and waits until the API knows. */
export async function forgetProof({ databaseUrl }: Stack, email: string, page: Page): Promise<void> {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  try {
    await client.query(
      `UPDATE tenant.session SET authenticated_at = authenticated_at - interval '1 hour'
       WHERE user_id = (SELECT id FROM tenant."user" WHERE email = $1)`,
      [email],
    );
  } finally {
    await client.end();
  }
  // Who a session belongs to is kept for some seconds.
  await expect.poll(() => page.evaluate<number>(dangerous), { timeout: 20_000, interval: 250 }).toBe(403);
}
