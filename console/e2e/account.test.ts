import { Role } from '@truffle/api/tenant/v1/account';
import { Secret, TOTP } from 'otpauth';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeInBrowser, openBrowser, visit } from './browser.fixture.ts';
import { forgetProof } from './database.fixture.ts';
import { linkOfMail } from './mail.fixture.ts';
import { newPerson, password, signIn, uniqueName } from './people.fixture.ts';
import { sharedStack, type Stack } from './stack.fixture.ts';

const another = 'battery staple horse';

/** An authenticator app's code, so many periods from now: each counts once. */
const codeOf = (seed: string, periods: number): string =>
  new TOTP({ secret: Secret.fromBase32(seed) }).generate({ timestamp: Date.now() + periods * 30_000 });

const signOut = async (page: Page): Promise<void> => {
  await page.goto('/');
  await page.getByRole('button', { name: 'Your account' }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.waitForURL('**/sign-in');
};

const enter = async (page: Page, email: string, word: string): Promise<void> => {
  await page.goto('/sign-in');
  await page.getByLabel('E-mail address').fill(email);
  await page.getByLabel('Password').fill(word);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
};

describeInBrowser('an account', () => {
  let stack: Stack;
  let browser: Browser;

  beforeAll(async () => {
    [stack, browser] = await Promise.all([sharedStack(), openBrowser()]);
  });

  afterAll(() => browser?.close());

  test('has an authenticator app added, and opens by its codes and by recovery codes', async () => {
    const visitor = await visit(browser, stack.url);
    const { page } = visitor;
    const person = await newPerson(stack, 'app');
    await signIn(page, person);
    await page.goto('/account');
    await page.getByRole('button', { name: 'Add an authenticator app' }).click();
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByRole('img', { name: 'QR code' }).waitFor();
    const seed = await page.getByRole('dialog').locator('code').innerText();
    await page.getByLabel('Code that it shows').fill(codeOf(seed, 0));
    await page.getByRole('button', { name: 'Add it' }).click();
    const shown = page.getByRole('alertdialog', { name: 'Your recovery codes' });
    const [recovery = ''] = (await shown.locator('code').innerText()).split('\n');
    expect(recovery).toMatch(/^[\w-]{8,}$/);
    await page.getByRole('button', { name: 'I have kept them' }).click();
    await page.getByText('10 of 10 recovery codes are left').waitFor();
    expect(await page.getByText(recovery).count()).toBe(0);

    await signOut(page);
    await enter(page, person.email, password);
    await page.getByLabel('Code of your authenticator app').fill('000000');
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByRole('alert').getByText('wrong').waitFor();
    await page.getByLabel('Code of your authenticator app').fill(codeOf(seed, 1));
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();

    await signOut(page);
    await enter(page, person.email, password);
    await page.getByRole('button', { name: 'Use a recovery code' }).click();
    await page.getByLabel('Recovery code').fill(recovery);
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await page.goto('/account');
    await page.getByText('9 of 10 recovery codes are left').waitFor();
    await page.getByRole('button', { name: 'Remove Phone' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click();
    await page.getByText('a stolen password would open your account').waitFor();
    visitor.expectNoFaults();
    await visitor.expectNoSecrets();
    await visitor.close();
  }, 120_000);

  test('has a passkey added, and opens by it alone', async () => {
    const visitor = await visit(browser, stack.url.replace('127.0.0.1', 'localhost'));
    const { page, context } = visitor;
    const cdp = await context.newCDPSession(page);
    await cdp.send('WebAuthn.enable');
    await cdp.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    });
    const person = await newPerson(stack, 'passkey');
    await signIn(page, person);
    await page.goto('/account');
    await page.getByRole('button', { name: 'Add a passkey' }).click();
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByRole('button', { name: 'I have kept them' }).click();
    await page.getByText('This device').waitFor();
    await signOut(page);
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
    await page.getByRole('button', { name: 'Use a passkey' }).click();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    visitor.expectNoFaults();
    await visitor.expectNoSecrets();
    await visitor.close();
  }, 90_000);

  test('asks who one is before what is dangerous, and then does it', async () => {
    const visitor = await visit(browser, stack.url);
    const { page } = visitor;
    const person = await newPerson(stack, 'proof');
    await signIn(page, person);
    await page.goto('/account');
    await page.getByLabel('Password in force').fill(password);
    await page.getByLabel('New password').fill(another);
    await forgetProof(stack, person.email, page);
    await page.getByRole('button', { name: 'Change it' }).click();
    const dialog = page.getByRole('dialog', { name: 'Is it you?' });
    await dialog.getByLabel('Password').fill('not my password');
    await dialog.getByRole('button', { name: 'Go on' }).click();
    await dialog.getByRole('alert').waitFor();
    await dialog.getByLabel('Password').fill(password);
    await dialog.getByRole('button', { name: 'Go on' }).click();
    await page.getByText('Changed. Your other sessions have ended.').waitFor();

    await forgetProof(stack, person.email, page);
    await page.getByLabel('Password in force').fill(another);
    await page.getByLabel('New password').fill(password);
    await page.getByRole('button', { name: 'Change it' }).click();
    await dialog.waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('alert').getByText('prove again who you are').waitFor();
    visitor.expectNoFaults();
    await visitor.close();
  }, 90_000);

  test('shows its sessions, and ends them', async () => {
    const here = await visit(browser, stack.url);
    const there = await visit(browser, stack.url);
    const person = await newPerson(stack, 'sessions');
    await Promise.all([signIn(here.page, person), signIn(there.page, person)]);
    await here.page.goto('/account');
    await here.page.getByText('this one').waitFor();
    await here.page.getByRole('button', { name: 'End all others' }).click();
    await expect.poll(() => here.page.getByRole('button', { name: /^End the session of/ }).count()).toBe(0);
    const isOut = async (): Promise<boolean> => {
      await there.page.goto('/account');
      const out = there.page.waitForURL('**/sign-in**', { timeout: 3_000 });
      return out.then(
        () => true,
        () => false,
      );
    };
    await expect.poll(isOut, { timeout: 30_000 }).toBe(true);
    here.expectNoFaults();
    there.expectNoFaults();
    await Promise.all([here.close(), there.close()]);
  }, 90_000);

  test('has its password set anew by a link, which leaves the address at once', async () => {
    const visitor = await visit(browser, stack.url);
    const { page } = visitor;
    const { email } = await newPerson(stack, 'reset');
    await page.goto('/sign-in');
    await page.getByRole('link', { name: 'Forgot your password?' }).click();
    await page.getByRole('heading', { name: 'Choose a new password' }).waitFor();
    await page.getByLabel('E-mail address').fill(email);
    await page.getByRole('button', { name: 'Send me a link' }).click();
    await page.getByText('a link is on its way').waitFor();
    await page.goto(await linkOfMail(stack, email, 'reset'));
    await page.getByLabel('New password').fill(another);
    expect(page.url()).not.toContain('token');
    await page.getByRole('button', { name: 'Set the new password' }).click();
    await page.getByText('It is set').waitFor();
    await enter(page, email, another);
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    visitor.expectNoFaults();
    await visitor.expectNoSecrets();
    await visitor.close();
  }, 90_000);

  test('comes into an organization by an invitation, with an account and without', async () => {
    const visitor = await visit(browser, stack.url);
    const { page } = visitor;
    const host = await newPerson(stack, 'host');
    const guest = await newPerson(stack, 'guest');
    const stranger = `${uniqueName('stranger')}@example.com`;
    for (const email of [guest.email, stranger])
      await host.api.invitations.createInvitation({ scopeId: host.orgId, email, role: Role.VIEWER });
    const accepted = page.getByRole('combobox', { name: 'Organization' });

    await page.goto(await linkOfMail(stack, guest.email, 'invitation'));
    await page.getByRole('link', { name: 'Sign in' }).click();
    await page.getByLabel('E-mail address').fill(guest.email);
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByText(`You are signed in as ${guest.email}`).waitFor();
    await page.getByRole('button', { name: 'Accept the invitation' }).click();
    await accepted.click();
    await page.getByRole('option', { name: host.org }).click();
    await page.waitForURL(`**/o/${host.org}`);

    await signOut(page);
    await page.goto(await linkOfMail(stack, stranger, 'invitation'));
    await page.getByRole('link', { name: 'Make an account' }).click();
    await page.getByText('The address that was invited.').waitFor();
    await page.getByLabel('E-mail address').fill(stranger);
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Make an account' }).click();
    await page.waitForURL(`**/o/${host.org}`);
    visitor.expectNoFaults();
    await visitor.expectNoSecrets();
    await visitor.close();
  }, 120_000);

  test('has further organizations made', async () => {
    const visitor = await visit(browser, stack.url);
    const { page } = visitor;
    const person = await newPerson(stack, 'founder');
    await signIn(page, person);
    await page.getByRole('button', { name: 'Your account' }).click();
    await page.getByRole('menuitem', { name: 'New organization' }).click();
    const name = uniqueName('second');
    await page.getByLabel('Name of your organization').fill(person.org);
    await page.getByRole('button', { name: 'New organization' }).click();
    await page.getByRole('alert').or(page.getByText('taken')).first().waitFor();
    await page.getByLabel('Name of your organization').fill(name);
    await page.getByRole('button', { name: 'New organization' }).click();
    await page.waitForURL(`**/o/${name}`);
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    visitor.expectNoFaults();
    await visitor.close();
  }, 60_000);
});
