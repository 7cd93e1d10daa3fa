import pg from 'pg';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeInBrowser, openBrowser, visit } from './browser.fixture.ts';
import type { World } from './pages.fixture.ts';
import { signIn, uniqueName } from './people.fixture.ts';
import { sharedStack, type Stack } from './stack.fixture.ts';
import { fullWorld } from './world.fixture.ts';

const count = 10_000;

/** Puts `count` servers beside those of a cluster: no site here is as large. */
async function fill(databaseUrl: string, clusterId: string): Promise<void> {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  try {
    const { rows } = await client.query<{ column_name: string }>(
      `select column_name from information_schema.columns
       where table_schema = 'orchestration' and table_name = 'server' and is_generated = 'NEVER'`,
    );
    const own: Readonly<Record<string, string>> = {
      id: `'srv_' || lpad(n::text, 26, '0')`,
      name: `'many-vm-' || lpad(n::text, 5, '0')`,
      index: 'n + 1000',
      vmid: 'null',
    };
    const columns = rows.map(({ column_name: name }) => name);
    await client.query(
      `insert into orchestration.server (${columns.map((name) => `"${name}"`).join(', ')})
       select ${columns.map((name) => own[name] ?? `s."${name}"`).join(', ')}
       from (select * from orchestration.server where cluster_id = $1 limit 1) s, generate_series(1, ${count}) n`,
      [clusterId],
    );
  } finally {
    await client.end();
  }
}

/** Of the page's table: rows that are drawn, rows that there are, and the name in the last one drawn. */
const look = `(() => {
  const rows = [...document.querySelectorAll('tbody tr:not([aria-hidden])')];
  return {
    drawn: rows.length,
    all: Number(document.querySelector('table')?.getAttribute('aria-rowcount')) - 1,
    last: rows.at(-1)?.querySelector('th')?.textContent ?? '',
  };
})()`;

describeInBrowser('a list of 10,000 servers', () => {
  let stack: Stack;
  let browser: Browser;
  let world: World;

  beforeAll(async () => {
    stack = await sharedStack();
    [browser, world] = await Promise.all([openBrowser(), fullWorld(stack, uniqueName('huge'))]);
    await fill(stack.databaseUrl, world.clusterId);
  }, 180_000);

  afterAll(() => browser?.close());

  test('is scrolled from its first to its last, with only the rows near the window in the page', async () => {
    const visitor = await visit(browser, stack.url);
    const { page } = visitor;
    await signIn(page, stack.owner);
    await page.goto(`/o/${world.org}/p/${world.project}/clusters/${world.clusterId}?tab=servers`);
    await page.getByRole('rowheader').first().waitFor();
    let most = 0;
    await expect
      .poll(
        async () => {
          await page.evaluate('scrollTo(0, document.documentElement.scrollHeight)');
          const { drawn, all, last } = await page.evaluate<{ drawn: number; all: number; last: string }>(look);
          most = Math.max(most, drawn);
          return { all, last };
        },
        { timeout: 60_000 },
      )
      .toEqual({ all: count + 3, last: `many-vm-${count}` });
    expect(most).toBeLessThan(120);
    await page.evaluate('scrollTo(0, 0)');
    await page.getByRole('rowheader', { name: /-balancer-0$/ }).waitFor();
    visitor.expectNoFaults();
    await visitor.close();
  }, 120_000);
});
