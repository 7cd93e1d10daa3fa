import type { Page } from 'playwright-core';
import type { SiteMachine } from './agent.fixture.ts';

export interface Newcomer {
  /** Of the organization, and of the address. */
  readonly org: string;
  readonly password: string;
  /** Where the agent is to run. */
  readonly machine: SiteMachine;
  /** What the person does after each click. */
  readonly pause: () => Promise<void>;
}

/** From nothing to a cluster that is ready, on a site that is connected on the way: what a person does who has just come. */
export async function firstMinutes(page: Page, { org, password, machine, pause }: Newcomer): Promise<void> {
  const click = async (role: 'link' | 'button', name: string): Promise<void> => {
    await page.getByRole(role, { name }).click();
    await pause();
  };
  const fill = async (label: string, value: string): Promise<void> => {
    await page.getByLabel(label, { exact: true }).fill(value);
    await pause();
  };
  await page.goto('/');
  await click('link', 'Make an account');
  await fill('Your name', 'Ada');
  await fill('E-mail address', `${org}@example.com`);
  await fill('Password', password);
  await fill('Name of your organization', org);
  await click('button', 'Make an account');
  await page.waitForURL(`**/o/${org}`);

  await click('link', 'Sites');
  await click('button', 'Connect a site');
  await fill('Name', 'cellar');
  await click('button', 'Make the command');
  machine.paste(await page.getByText('TRUFFLE_JOIN_TOKEN').innerText());
  await pause();
  const done = page.getByRole('dialog').getByRole('img', { name: 'done' });
  // It has enrolled, is connected, has looked at the site, and all is in order there.
  await done.nth(3).waitFor({ timeout: 60_000 });
  await page.keyboard.press('Escape');
  await page.getByRole('cell', { name: 'Online' }).waitFor();

  await click('link', 'Templates');
  await click('link', 'Static site');
  await fill('Name', 'first');
  await click('button', 'Plan');
  await page.getByText('Nothing has been done yet').waitFor();
  await click('button', 'Deploy');
  // Each server appears, boots, gets its address and its software, while one looks.
  await page.getByText('3 of 3 ready').first().waitFor({ timeout: 90_000 });
}
