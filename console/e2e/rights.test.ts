import { Role } from '@truffle/api/tenant/v1/account';
import type { Browser, Locator } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeInBrowser, openBrowser, visit } from './browser.fixture.ts';
import { newMember, signIn, uniqueName, type Person } from './people.fixture.ts';
import { sharedStack, type Stack } from './stack.fixture.ts';
import { fullWorld } from './world.fixture.ts';
import type { World } from './pages.fixture.ts';

describeInBrowser('a role without rights', () => {
  let stack: Stack;
  let browser: Browser;
  let world: World;
  let viewer: Person;

  beforeAll(async () => {
    stack = await sharedStack();
    [browser, world, viewer] = await Promise.all([
      openBrowser(),
      fullWorld(stack, uniqueName('seen')),
      newMember(stack, Role.VIEWER),
    ]);
  }, 300_000);

  afterAll(() => browser?.close());

  test('sees what it may not do dimmed, with the reason, and nothing happens by it', async () => {
    const visitor = await visit(browser, stack.url);
    const { page } = visitor;
    await signIn(page, viewer);
    const project = `/o/${world.org}/p/${world.project}`;
    const expectBarred = async (button: Locator): Promise<void> => {
      await expect.poll(() => button.getAttribute('aria-disabled')).toBe('true');
      await button.focus();
      const [described] = ((await button.getAttribute('aria-describedby')) ?? '').split(' ');
      const reason = page.locator(`[id="${described}"]`);
      await expect.poll(() => reason.textContent()).toMatch(/^you may not .*: /);
      await button.press('Enter');
      expect(await page.getByRole('dialog').or(page.getByRole('alertdialog')).count()).toBe(0);
    };

    await page.goto(`/o/${world.org}/sites`);
    await expectBarred(page.getByRole('button', { name: 'Connect a site' }));
    await page.getByRole('tooltip', { name: /may not/ }).waitFor();

    await page.goto(`${project}/clusters/${world.clusterId}?tab=servers`);
    await expectBarred(page.getByRole('button', { name: 'Delete' }));
    await page
      .getByRole('button', { name: /^Actions of/ })
      .first()
      .click();
    const stop = page.getByRole('menuitem', { name: /^Stop/ });
    await stop.getByText(/may not/).waitFor();
    expect(await stop.getAttribute('aria-disabled')).toBe('true');
    await page.keyboard.press('Escape');

    await page.goto(`${project}/deploy/${world.versionId}`);
    await page.getByRole('button', { name: 'Plan' }).click();
    await expectBarred(page.getByRole('button', { name: 'Deploy' }));
    await page.waitForURL(`**${project}/deploy/**`);
    visitor.expectNoFaults();
    await visitor.close();
  }, 90_000);

  test('gets its rights without a reload once somebody gives them', async () => {
    const visitor = await visit(browser, stack.url);
    const { page } = visitor;
    const member = await newMember(stack, Role.VIEWER);
    await signIn(page, member);
    await page.goto(`/o/${world.org}/sites`);
    const connect = page.getByRole('button', { name: 'Connect a site' });
    await expect.poll(() => connect.getAttribute('aria-disabled')).toBe('true');
    await stack.api.members.setBinding({ scopeId: stack.orgId, email: member.email, role: Role.ADMIN });
    await expect.poll(() => connect.getAttribute('aria-disabled'), { timeout: 15_000 }).toBeNull();
    visitor.expectNoFaults();
    await visitor.close();
  }, 60_000);

  test('sees nothing of an organization that is not its own', async () => {
    const visitor = await visit(browser, stack.url);
    const { page } = visitor;
    await signIn(page, viewer);
    await page.goto('/o/of-somebody-else');
    await page.getByText('There is no such organization').waitFor();
    visitor.expectNoFaults();
    await visitor.close();
  }, 60_000);
});
