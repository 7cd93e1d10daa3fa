import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeInBrowser, openBrowser, visit } from './browser.fixture.ts';
import { newPerson, signIn, uniqueName, type Person } from './people.fixture.ts';
import { sharedStack, type Stack } from './stack.fixture.ts';

describeInBrowser('writing a template', () => {
  let stack: Stack;
  let browser: Browser;
  let author: Person;

  beforeAll(async () => {
    stack = await sharedStack();
    [browser, author] = await Promise.all([openBrowser(), newPerson(stack, 'author')]);
  }, 180_000);

  afterAll(() => browser?.close());

  test('what is wrong is underlined, what may stand there is proposed, and versions are compared', async () => {
    const visitor = await visit(browser, stack.url);
    const { page } = visitor;
    await signIn(page, author);
    const templates = `/o/${author.org}/p/default/templates`;
    const editor = page.getByRole('textbox', { name: 'The source' });
    await page.goto(`${templates}/edit`);
    await page.getByText('It is in order').waitFor();

    // A key that there is not, in a new line at the document's end.
    await editor.press('Control+End');
    await page.keyboard.insertText('\nservices: {}');
    await page.locator('.cm-lintRange-error').first().waitFor();
    await page.getByText('services').last().waitFor();

    await editor.press('Control+a');
    await page.keyboard.insertText('kind: Template\nservers:\n  web:\n    ');
    await page.keyboard.press('Control+Space');
    const proposed = page.getByRole('option', { name: /antiAffinity/ });
    await proposed.waitFor();
    expect(await page.getByRole('option', { name: /count/ }).textContent()).toContain('required');
    await page.keyboard.press('Escape');
    await proposed.waitFor({ state: 'detached' });

    const name = uniqueName('mine');
    const publish = async (version: string): Promise<void> => {
      await editor.press('Control+a');
      await page.keyboard.insertText(sourceOf(name, version));
      await page.getByText('It is in order').waitFor();
      await page.getByRole('button', { name: 'Publish' }).click();
      await page.getByRole('heading', { name: 'Mine' }).waitFor();
    };
    await publish('0.1.0');
    await page.getByRole('link', { name: 'Write the next from it' }).click();
    await page.getByText('It is in order').waitFor();
    await publish('0.2.0');
    await page.getByRole('heading', { name: 'What differs' }).waitFor();
    await page.locator('.cm-changedText').first().waitFor();
    visitor.expectNoFaults();
    await visitor.close();
  }, 120_000);
});

const sourceOf = (name: string, version: string): string => `apiVersion: truffle.dev/v1
kind: Template
metadata: { name: ${name}, version: ${version}, title: Mine, summary: One server., license: Apache-2.0 }
servers:
  vm: { count: 1, image: debian-12, cpu: 1, memory: 1GiB, disk: 10GiB }
`;
