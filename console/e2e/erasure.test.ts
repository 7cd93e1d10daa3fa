import { Role } from '@truffle/api/tenant/v1/account';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../../packages/testkit/src/until.ts';
import { describeInBrowser, openBrowser, visit } from './browser.fixture.ts';
import { newPerson, signIn, type Person } from './people.fixture.ts';
import { sharedStack, type Stack } from './stack.fixture.ts';

describeInBrowser('a person in the audit trail', () => {
  let stack: Stack;
  let browser: Browser;
  let owner: Person;
  let former: Person;
  let subject = '';

  const recordsOf = async () => {
    const { records } = await owner.api.audit.listAuditRecords({ orgId: owner.orgId, filter: { actor: subject } });
    return records;
  };

  beforeAll(async () => {
    [stack, browser] = await Promise.all([sharedStack(), openBrowser()]);
    [owner, former] = [await newPerson(stack, 'eraser'), await newPerson(stack, 'former')];
    const { binding } = await owner.api.members.setBinding({
      scopeId: owner.orgId,
      email: former.email,
      role: Role.ADMIN,
    });
    subject = binding?.subject ?? '';
    await former.api.groups.createGroup({ orgId: owner.orgId, name: 'left-behind' });
    await until('the record', async () => (await recordsOf()).length === 1);
  });

  afterAll(() => browser?.close());

  test('is erased by the page once they are named twice, and the records stay', async () => {
    const visitor = await visit(browser, stack.url);
    const { page } = visitor;
    await signIn(page, owner);
    expect((await recordsOf())[0]).toMatchObject({ erased: false, address: '127.0.0.1' });
    await page.goto(`/o/${owner.org}/audit?actor=${subject}`);
    await page.getByRole('button', { name: /of record/ }).waitFor();
    await page.getByRole('button', { name: 'Erase a person' }).click();
    const dialog = page.getByRole('dialog', { name: 'Erase a person' });
    const erase = dialog.getByRole('button', { name: 'Erase a person' });
    const who = dialog.getByLabel('Who', { exact: true });
    const again = dialog.getByLabel('once more to confirm');

    // What is no id the server refuses, and says which it takes.
    const wrong = `user:usr_${'i'.repeat(26)}`;
    await who.fill(wrong);
    await again.fill(wrong);
    await erase.click();
    await dialog.getByRole('alert').getByText('subject').first().waitFor();
    expect((await recordsOf())[0]?.erased).toBe(false);

    // Another one than was named first is not sent at all.
    await who.fill(subject);
    await erase.click();
    expect(await dialog.locator('input[name="again"]:invalid').count()).toBe(1);
    await again.fill(subject);
    await erase.click();
    await dialog
      .getByRole('status')
      .getByText(/erased/)
      .waitFor();
    await dialog.getByRole('button', { name: 'Done' }).click();
    await page.getByRole('cell', { name: 'erased' }).first().waitFor();
    expect(await recordsOf()).toMatchObject([{ erased: true, address: '' }]);
    visitor.expectNoFaults();
    await visitor.close();
  }, 120_000);
});
