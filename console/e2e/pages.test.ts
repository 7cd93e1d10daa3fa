import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findBarriers } from './axe.fixture.ts';
import { describeInBrowser, openBrowser, visit, type Visitor } from './browser.fixture.ts';
import { pages, type PageCase, type World, type WorldKind } from './pages.fixture.ts';
import { newPerson, signIn, uniqueName } from './people.fixture.ts';
import { photograph, sizes, themes, type SizeName } from './screenshots.fixture.ts';
import { sharedStack } from './stack.fixture.ts';
import { emptyWorld, fullWorld } from './world.fixture.ts';

type Kind = WorldKind | 'signed-out';

const nowhere: World = {
  org: '',
  project: '',
  agentId: '',
  clusterId: '',
  operationId: '',
  serverId: '',
  groupId: '',
  templateId: '',
  ownerEmail: '',
  versionId: '',
};
const both: readonly Kind[] = ['data', 'empty'];

const cases = pages.flatMap((page) =>
  (page.in ?? both).map((kind) => ({ page, kind, name: `${page.name} (${kind})` })),
);

describeInBrowser('every page', () => {
  let browser: Browser;
  const visitors = new Map<Kind, { readonly visitor: Visitor; readonly world: World }>();

  beforeAll(async () => {
    const stack = await sharedStack();
    browser = await openBrowser();
    const newcomer = await newPerson(stack, 'newcomer');
    const open = () => visit(browser, stack.url);
    const [out, full, empty] = await Promise.all([open(), open(), open()]);
    visitors.set('signed-out', { visitor: out, world: nowhere });
    const [data, none] = await Promise.all([
      fullWorld(stack, uniqueName('hello')),
      emptyWorld(newcomer),
      signIn(full.page, stack.owner),
      signIn(empty.page, newcomer),
    ]);
    visitors.set('data', { visitor: full, world: data });
    visitors.set('empty', { visitor: empty, world: none });
  }, 300_000);

  afterAll(() => browser?.close());

  test.each(cases)(
    '$name is whole, without faults, accessible in both themes, and photographed',
    async ({ page: one, kind }) => {
      const found = visitors.get(kind);
      if (found === undefined) throw new Error(`there is no visitor for ${kind}`);
      expect(await look(found.visitor, found.world, one, kind)).toEqual([]);
      found.visitor.expectNoFaults();
      await found.visitor.expectNoSecrets();
    },
    60_000,
  );
});

/** Photographs the page in every way, and answers what keeps anybody from using it. */
async function look({ page }: Visitor, world: World, one: PageCase, kind: Kind): Promise<string[]> {
  await page.setViewportSize(sizes.desktop);
  await page.goto(one.path(world));
  await one.first?.(page);
  await page
    .getByText(one.shows[kind] ?? '')
    .filter({ visible: true })
    .first()
    .waitFor();
  // What is still on its way would be on the picture.
  for (const waits of ['.rt-Skeleton', '.rt-Spinner.rt-r-size-3'])
    await page.locator(waits).first().waitFor({ state: 'detached' });
  const barriers: string[] = [];
  for (const theme of themes) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
    await page.locator(`.radix-themes.${theme}`).first().waitFor();
    for (const size of Object.keys(sizes) as SizeName[]) {
      await page.setViewportSize(sizes[size]);
      await photograph(page, `${one.name}.${kind}.${size}.${theme}`);
      // At the other size are the same colours.
      if (size === 'phone' && theme === 'dark') continue;
      barriers.push(...(await findBarriers(page)).map((text) => `${size} ${theme}: ${text}`));
    }
  }
  return barriers;
}
