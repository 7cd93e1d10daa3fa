import { Code } from '@connectrpc/connect';
import { appendEvent } from '@truffle/database';
import { authorOf, bells, InvalidProblem, PreconditionProblem, Problem, type Caller } from '@truffle/kit';
import { countOwners, deleteBindingsOf } from '../binding/binding.repo.ts';
import { askErasure } from '../erasure/erasure.repo.ts';
import { lockUser } from '../factor/factor.repo.ts';
import { removeFromGroups } from '../group/group.repo.ts';
import { postMail } from '../mail/mail.repo.ts';
import { lockOrganization } from '../organization/organization.repo.ts';
import type { TenantParts } from '../parts.ts';
import { releaseQuota } from '../quota.ts';
import type { TenantTables } from '../tables.ts';
import type { Transaction } from '@truffle/database';
import type { UserRow } from './account.repo.ts';
import { deleteUser, forgetIn, organizationsOf } from './deletion.repo.ts';
import { accountEvent, authorAs, demandPerson } from './person.usecases.ts';

/** Organizations that a refusal names. */
const mostNamed = 10;

type Organization = Awaited<ReturnType<typeof organizationsOf>>[number];

/**
 * Deletes the caller's account for good: they leave every organization, then the account goes with all that hangs on it, and what is personal
 * about them is erased from the audit trails soon after. What they made for an organization (keys, invitations, clusters) stays the organization's.
 * When it breaks off, they have left some organizations; asked again it goes on.
 * @throws InvalidProblem unless `email` is the account's address, PreconditionProblem to the last owner of an organization
 */
export async function deleteAccount(parts: TenantParts, caller: Caller, email: string): Promise<void> {
  const { user } = await demandPerson(parts, caller);
  if (email.trim().toLowerCase() !== user.email)
    throw new InvalidProblem([
      { field: 'email', description: 'must be the address of your account, to confirm it', reason: 'NOT_YOUR_ADDRESS' },
    ]);
  const organizations = await parts.identity.anywhere((tx) => organizationsOf(tx, user.id));
  const alone: Organization[] = [];
  for (const each of organizations)
    if (await parts.tenants.tenant(each.id, (tx) => ownsAlone(tx, each.id, user))) alone.push(each);
  if (alone.length > 0) throw lastOwner(alone);
  for (const each of organizations) await leave(parts, caller, user, each);
  await goAway(parts, caller, user);
  parts.bell.ring(bells.identity);
  parts.bell.ring(bells.mail);
}

/** Whether without this person nobody would own the organization. */
const ownsAlone = async (tx: Transaction<TenantTables>, orgId: string, user: UserRow): Promise<boolean> =>
  (await countOwners(tx, orgId, `user:${user.id}`)) === 0 && (await countOwners(tx, orgId)) > 0;

function lastOwner(organizations: readonly Organization[]): PreconditionProblem {
  const named = organizations.slice(0, mostNamed).map(({ id, name }) => `${name} (${id})`);
  const rest = organizations.length > mostNamed ? ` and ${organizations.length - mostNamed} others` : '';
  return new PreconditionProblem(
    'LAST_OWNER',
    `you are the last owner of ${named.join(', ')}${rest}: make somebody else an owner there first`,
    {
      orgIds: organizations
        .map(({ id }) => id)
        .slice(0, mostNamed)
        .join(','),
    },
  );
}

async function leave(parts: TenantParts, caller: Caller, user: UserRow, organization: Organization): Promise<void> {
  const orgId = organization.id;
  const subject = `user:${user.id}`;
  const holders = await parts.tenants.tenant(orgId, async (tx) => {
    await lockOrganization(tx, orgId);
    if (await ownsAlone(tx, orgId, user)) throw lastOwner([organization]);
    const held = await deleteBindingsOf(tx, subject);
    const groups = await removeFromGroups(tx, subject);
    await forgetIn(tx, user);
    const data = { subject, bindings: held.length, groups };
    await appendEvent(tx, authorOf(caller), { orgId, name: 'member.left', resourceId: user.id, data });
    return held;
  });
  for (const holder of holders) await releaseQuota(parts, { ...caller, orgId }, 'members', holder);
}

/** Deletes the account of who is in no organization any more. */
async function goAway(parts: TenantParts, caller: Caller, user: UserRow): Promise<void> {
  const now = parts.now();
  await parts.identity.tenant(user.home_org_id, async (tx) => {
    await lockUser(tx, user.id);
    if ((await organizationsOf(tx, user.id)).length > 0)
      throw new Problem(Code.Aborted, 'JOINED_MEANWHILE', 'you were taken into an organization meanwhile; try again');
    await deleteUser(tx, user);
    await askErasure(tx, `user:${user.id}`, '', now);
    await appendEvent(tx, authorAs(user, caller), accountEvent(user, 'account.deleted'));
    const parameters = { locale: user.locale };
    await postMail(tx, { kind: 'account_deleted', email: user.email, subject: user.id, parameters }, now);
  });
}
