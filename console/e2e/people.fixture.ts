import { randomBytes } from 'node:crypto';
import { Role } from '@truffle/api/tenant/v1/account';
import type { TruffleClient } from '@truffle/api';
import type { Page } from 'playwright-core';
import type { Stack } from './stack.fixture.ts';

/** Somebody with an account, and an organization of their own. */
export interface Person {
  readonly email: string;
  readonly password: string;
  readonly org: string;
  readonly orgId: string;
  readonly projectId: string;
  readonly api: TruffleClient;
}

export const password = 'correct horse battery';

/** A name that no other test has. */
export const uniqueName = (stem: string): string => `${stem}-${randomBytes(4).toString('hex')}`;

/** Signs up by the API. */
export async function newPerson(stack: Stack, stem: string): Promise<Person> {
  const org = uniqueName(stem);
  const email = `${org}@example.com`;
  const up = await stack.client().accounts.signUp({ email, password, name: 'Ada', orgName: org });
  return {
    email,
    password,
    org,
    orgId: up.organization?.id ?? '',
    projectId: up.project?.id ?? '',
    api: stack.client(up.sessionToken),
  };
}

/** Somebody who may do in the stack's organization what `role` may. */
export async function newMember(stack: Stack, role: Role): Promise<Person> {
  const person = await newPerson(stack, 'member');
  await stack.api.members.setBinding({ scopeId: stack.orgId, email: person.email, role });
  return person;
}

/** Signs in by the page for it. */
export async function signIn(page: Page, { email, password: word }: Pick<Person, 'email' | 'password'>): Promise<void> {
  await page.goto('/sign-in');
  await page.getByLabel('E-mail address').fill(email);
  await page.getByLabel('Password').fill(word);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.waitForURL('**/o/**');
}

/** Opens the palette by its key. */
export async function openPalette(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Search (Ctrl K)' }).waitFor();
  await page.keyboard.press('Control+k');
  await page.getByPlaceholder('Search pages').waitFor();
}
