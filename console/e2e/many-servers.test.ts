import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeInBrowser, openBrowser, visit } from './browser.fixture.ts';
import type { World } from './pages.fixture.ts';
import { signIn, uniqueName } from './people.fixture.ts';
import { fillCluster } from './servers.fixture.ts';
import { sharedStack, type Stack } from './stack.fixture.ts';
import { fullWorld } from './world.fixture.ts';

const count = 10_000;

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
    await fillCluster(stack.databaseUrl, world.clusterId, count);
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
