import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeInBrowser, openBrowser, visit } from './browser.fixture.ts';
import { signIn, uniqueName } from './people.fixture.ts';
import { sharedStack, type Stack } from './stack.fixture.ts';
import { versionOf } from './world.fixture.ts';

const forged = JSON.stringify({ n: 1, hash: '0'.repeat(64) });

describeInBrowser('a secret that is typed', () => {
  let stack: Stack;
  let browser: Browser;
  let path: string;

  beforeAll(async () => {
    [stack, browser] = await Promise.all([sharedStack(), openBrowser()]);
    const { api, orgId, projectId } = stack;
    const [{ organization }, { project }, versionId] = await Promise.all([
      api.organizations.getOrganization({ orgId }),
      api.projects.getProject({ projectId }),
      versionOf(api, orgId, 'postgres'),
    ]);
    path = `/o/${organization?.name}/p/${project?.name}/deploy/${versionId}`;
  });

  afterAll(() => browser?.close());

  test('leaves the browser sealed to the site, which opens it', async () => {
    const visitor = await visit(browser, stack.url);
    const { page, sent } = visitor;
    const secret = uniqueName('typedsecret');
    await signIn(page, stack.owner);
    await page.goto(path);
    await page.getByLabel('Name', { exact: true }).fill(uniqueName('sealed'));
    await page.getByLabel('Password of the user').fill(secret);
    await page.getByRole('button', { name: 'Plan' }).click();
    await page.getByText('Nothing has been done yet').waitFor();
    await page.getByRole('button', { name: 'Deploy' }).click();
    // It can be ready only if its agent could open what was sealed.
    await page.getByText(/^(\d+) of \1 ready$/).waitFor({ timeout: 90_000 });
    const bodies = sent.join('\n');
    expect(bodies).toContain('"secrets"');
    for (const form of [secret, Buffer.from(secret).toString('base64'), Buffer.from(secret).toString('hex')])
      expect(bodies).not.toContain(form);
    visitor.expectNoFaults();
    await visitor.expectNoSecrets();
    await visitor.close();
  }, 150_000);

  test('is not sent to a key that is not the one seen before, until a person has compared it', async () => {
    const visitor = await visit(browser, stack.url);
    const { page, sent } = visitor;
    await signIn(page, stack.owner);
    await page.evaluate(`localStorage.setItem('truffle.known-keys', '{"${stack.agentId}":${forged}}')`);
    await page.goto(path);
    await page.getByLabel('Password of the user').fill(uniqueName('typedsecret'));
    await page.getByRole('button', { name: 'Plan' }).click();
    await page.getByRole('alert').getByText('is not the one that this browser saw before').waitFor();
    expect(sent.filter((body) => body.includes('"spec"'))).toEqual([]);
    await page.getByRole('button', { name: 'trust it' }).click();
    await page.getByText('Nothing has been done yet').waitFor();
    visitor.expectNoFaults();
    await visitor.close();
  }, 90_000);
});
