import { InvalidProblem, NotFoundProblem, type Caller } from '@truffle/kit';
import { findUserByEmail } from '../account/account.repo.ts';
import { bindingsOfSubject } from '../binding/binding.repo.ts';
import { findGroup } from '../group/group.repo.ts';
import type { TenantParts } from '../parts.ts';
import { findServiceAccount } from '../service-account/service-account.repo.ts';

/** Somebody, by either of these; the other is empty. */
export interface SubjectWanted {
  /** `user:usr_…`, `group:grp_…` or `service_account:sva_…`. */
  readonly subject: string;
  readonly email: string;
}

/**
 * The subject that is meant. A person by id, and where mail is delivered also by address, must be a member: this tells nobody whether an
 * address has an account. Who is not a member yet is invited.
 * @throws InvalidProblem, NotFoundProblem
 */
export async function findSubject(parts: TenantParts, caller: Caller, wanted: SubjectWanted): Promise<string> {
  const { subject, email } = wanted;
  if ((subject === '') === (email === ''))
    throw new InvalidProblem([
      { field: 'subject', description: 'say either subject or email', reason: 'ONE_OF_SUBJECT_AND_EMAIL' },
    ]);
  if (email !== '') {
    const user = await parts.identity.anywhere((tx) => findUserByEmail(tx, email));
    const found = user === undefined ? '' : `user:${user.id}`;
    if (found === '' || (parts.mailDelivers && !(await isMember(parts, caller, found))))
      throw new NotFoundProblem('member', email);
    return found;
  }
  if (!(await isThere(parts, caller, subject))) throw new NotFoundProblem('subject', subject);
  return subject;
}

/** A member of the organization by address or id, or a service account. @throws InvalidProblem, NotFoundProblem */
export async function findMember(parts: TenantParts, caller: Caller, wanted: SubjectWanted): Promise<string> {
  const subject = await findSubject(parts, caller, wanted);
  if (!(await isThere(parts, caller, subject))) throw new NotFoundProblem('member', wanted.email || subject);
  return subject;
}

async function isThere(parts: TenantParts, caller: Caller, subject: string): Promise<boolean> {
  const [kind, id = ''] = subject.split(':');
  if (kind === 'user') return isMember(parts, caller, subject);
  return parts.tenants.tenant(caller.orgId, async (tx) => {
    const found = kind === 'group' ? await findGroup(tx, id) : await findServiceAccount(tx, id);
    return found !== undefined;
  });
}

async function isMember(parts: TenantParts, caller: Caller, subject: string): Promise<boolean> {
  const rows = await parts.identity.anywhere((tx) => bindingsOfSubject(tx, subject));
  return rows.some((row) => row.org_id === caller.orgId);
}
