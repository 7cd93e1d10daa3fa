import { testDatabase, testHost, type TestDatabase, type TestHost } from '@truffle/testkit';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildConsole } from '../../../console/build.ts';
import { describeInBrowser, openBrowser, visit } from '../../../console/e2e/browser.fixture.ts';
import { startMailServer, type MailServer } from '../../tenant/src/mail/smtp.fixture.ts';
import { password } from './control-plane.fixture.ts';
import { everyMigration, everyService } from './services.ts';

describeInBrowser('a sign-up where mail is delivered', () => {
  let database: TestDatabase;
  let mail: MailServer;
  let host: TestHost;
  let browser: Browser;

  beforeAll(async () => {
    const folder = await buildConsole();
    mail = await startMailServer();
    database = await testDatabase(everyMigration);
    const { tenant, billing } = everyService;
    host = await testHost(
      database,
      { tenant, billing },
      {
        TRUFFLE_CONSOLE_DIR: folder,
        TRUFFLE_SMTP_URL: mail.url,
        TRUFFLE_PUBLIC_URL: 'http://127.0.0.1',
      },
    );
    browser = await openBrowser();
  }, 300_000);

  afterAll(async () => {
    await browser?.close();
    await host?.close();
    await database?.close();
    await mail?.close();
  });

  test('waits for the link of the mail, sends it again, and is finished by it and the password', async () => {
    // Of what only other services answer there is nothing here.
    const visitor = await visit(browser, host.url, { tolerates: /50\d|Failed to load resource/ });
    const { page } = visitor;
    const email = 'newcomer@example.com';
    await page.goto('/sign-up');
    await page.getByLabel('Your name').fill('Newcomer');
    await page.getByLabel('E-mail address').fill(email);
    await page.getByLabel('Password').fill(password);
    await page.getByLabel('Name of your organization').fill('newcomers');
    await page.getByRole('button', { name: 'Make an account' }).click();
    await page.getByRole('heading', { name: 'Look into your mail' }).waitFor();
    await page.getByText(`A link went to ${email}`).waitFor();
    const first = await mail.arrived(email, 'Finish');

    await page.getByRole('button', { name: 'Send it again' }).click();
    await page.getByRole('button', { name: 'It was sent' }).waitFor();
    await expect.poll(() => mail.mails.filter(({ to }) => to === email).length).toBeGreaterThan(1);

    const { token } = mail.mails.findLast(({ to }) => to === email) ?? first;
    await page.goto(`/account/complete#token=${token}`);
    await page.getByRole('heading', { name: 'Finish your sign-up' }).waitFor();
    expect(page.url()).not.toContain(token);
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Finish your sign-up' }).click();
    await page.waitForURL('**/o/newcomers');
    await visitor.expectNoSecrets();
    await visitor.close();
  }, 120_000);
});
