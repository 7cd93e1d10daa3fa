import type { Group } from '@truffle/api/tenant/v1/group';
import type { ServiceAccount } from '@truffle/api/tenant/v1/service_account';
import { UsageError } from '../failure/cli-error.ts';
import { findByName } from '../lookup/lookup.ts';
import { everyPage } from '../lookup/pages.ts';
import type { Session } from '../session.ts';

export const listGroups = async (session: Session, orderBy = ''): Promise<Group[]> => {
  const orgId = await session.orgId();
  return everyPage(async (page) => {
    const answer = await session.api.groups.listGroups({ orgId, orderBy, page });
    return { items: answer.groups, next: answer.page?.next };
  });
};

/** @throws UnknownNameError */
export const findGroup = async (session: Session, name: string): Promise<Group> =>
  findByName('group', name, await listGroups(session), ['truffle group list']);

export const listServiceAccounts = async (session: Session, orderBy = ''): Promise<ServiceAccount[]> => {
  const orgId = await session.orgId();
  return everyPage(async (page) => {
    const answer = await session.api.serviceAccounts.listServiceAccounts({ orgId, orderBy, page });
    return { items: answer.serviceAccounts, next: answer.page?.next };
  });
};

/** @throws UnknownNameError */
export const findServiceAccount = async (session: Session, name: string): Promise<ServiceAccount> =>
  findByName('service account', name, await listServiceAccounts(session), ['truffle service-account list']);

/**
 * Somebody as the contract names them: a person by address, `group:NAME`, `service-account:NAME`, or a subject as lists print it.
 * @throws UsageError, UnknownNameError
 */
export async function readSubject(
  session: Session,
  text: string,
): Promise<{ readonly email: string } | { readonly subject: string }> {
  if (text.includes('@')) return { email: text };
  const [, kind = '', name = ''] = /^(user|key|group|service[-_]account):(.+)$/.exec(text) ?? [];
  if (kind === 'user' || kind === 'key') return { subject: text };
  if (kind === 'group') return { subject: `group:${(await findGroup(session, name)).id}` };
  if (kind !== '') return { subject: `service_account:${(await findServiceAccount(session, name)).id}` };
  throw new UsageError(`${text} is nobody`, {
    next: ['an address, group:NAME or service-account:NAME', 'truffle member list'],
  });
}
