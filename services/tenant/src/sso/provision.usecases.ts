import { randomBytes } from 'node:crypto';
import { QuotaService } from '@truffle/api/billing/v1/plan_service';
import { Role } from '@truffle/api/tenant/v1/account';
import { Code } from '@connectrpc/connect';
import { appendEvent, databaseErrorCode, type Transaction } from '@truffle/database';
import { newId } from '@truffle/ids';
import { sql } from 'kysely';
import { bells, onBehalfOf, Problem, type Caller } from '@truffle/kit';
import { findUser, findUserByEmail, insertUser, type UserRow } from '../account/account.repo.ts';
import { hashPassword } from '../account/password.ts';
import { authorAs } from '../account/person.usecases.ts';
import { standing } from '../binding/binding.ts';
import { bindingsOfSubject, deleteBinding, insertBindingOnce, type BindingRow } from '../binding/binding.repo.ts';
import type { ConnectionRow } from '../connection/connection.repo.ts';
import { domainOf } from '../connection/domain.ts';
import { findVerifiedDomain } from '../connection/domain.repo.ts';
import { rolesOf } from '../connection/mapping.ts';
import { resolveScopes, type ScopeChain } from '../identity/scope.usecases.ts';
import type { Claims } from '../issuer/token.ts';
import type { TenantParts } from '../parts.ts';
import { releaseQuota } from '../quota.ts';
import type { TenantTables } from '../tables.ts';
import { findIdentity, insertIdentity, touchIdentity, type LinkedIdentityRow } from './linked-identity.repo.ts';

/** The provider's person is no account's, and none may be made or taken for them: the same whether an account is there or not. */
export class LinkRequiredProblem extends Problem {
  override readonly name = 'LinkRequiredProblem';
  constructor({ org_id: orgId, id: resourceId }: ConnectionRow) {
    super(
      Code.PermissionDenied,
      'LINK_REQUIRED',
      'the provider does not vouch for an address in a domain that the organization has verified: sign in with your account and link it (BeginLink), or ask an owner to verify the domain',
      { record: { orgId, resourceId } },
    );
  }
}

/** The claims give nothing in the organization. */
export class NotAdmittedProblem extends Problem {
  override readonly name = 'NotAdmittedProblem';
  constructor({ org_id: orgId, id: resourceId }: ConnectionRow) {
    super(
      Code.PermissionDenied,
      'NOT_ADMITTED',
      'the provider knows you, but nothing that it says of you gives you a role here; ask an owner of the organization',
      { record: { orgId, resourceId } },
    );
  }
}

/** A person of a provider, let into the connection's organization. */
export interface Admitted {
  readonly user: UserRow;
  readonly identity: LinkedIdentityRow;
}

/**
 * Who the claims are of: the account that is linked to them, the one of their address, or a new one. An address links and makes accounts only
 * when the provider has verified it and the connection's organization has proven its domain. What the claims give in the organization (and
 * only there) is brought up to date, also to nothing.
 * @throws LinkRequiredProblem, NotAdmittedProblem
 */
export async function admit(
  parts: TenantParts,
  caller: Caller,
  connection: ConnectionRow,
  claims: Claims,
): Promise<Admitted> {
  const found = await findPerson(parts, connection, claims);
  const roles = rolesOf(connection.mappings, claims);
  if (found === undefined && roles.size === 0) throw new NotAdmittedProblem(connection);
  const { user, identity } = found ?? (await makeOnce(parts, caller, connection, claims));
  await applyRoles(parts, caller, connection, user, roles);
  if (roles.size === 0) throw new NotAdmittedProblem(connection);
  return { user, identity };
}

/** The account that is linked; undefined for none. */
async function findPerson(
  parts: TenantParts,
  connection: ConnectionRow,
  claims: Claims,
): Promise<Admitted | undefined> {
  return parts.identity.tenant(connection.org_id, async (tx) => {
    const identity = await findIdentity(tx, connection.id, connection.issuer, String(claims['sub']));
    if (identity === undefined) return undefined;
    const user = await findUser(tx, identity.user_id);
    if (user === undefined) return undefined;
    const now = parts.now();
    if (now.getTime() - identity.last_used_at.getTime() >= 60_000) await touchIdentity(tx, identity.id, now);
    return { user, identity };
  });
}

/** Of two first sign-ins at once, one makes the account and the link, and the other one finds them. */
async function makeOnce(
  parts: TenantParts,
  caller: Caller,
  connection: ConnectionRow,
  claims: Claims,
): Promise<Admitted> {
  try {
    return await makePerson(parts, caller, connection, claims);
  } catch (error) {
    const taken = databaseErrorCode(error) === '23505';
    if (!taken && !(error instanceof LinkRequiredProblem)) throw error;
    const found = await findPerson(parts, connection, claims);
    if (found !== undefined) return found;
    throw taken ? new LinkRequiredProblem(connection) : error;
  }
}

async function makePerson(
  parts: TenantParts,
  caller: Caller,
  connection: ConnectionRow,
  claims: Claims,
): Promise<Admitted> {
  const email = addressOf(connection, claims);
  const passwordHash = await hashPassword(randomBytes(32).toString('base64url'));
  const now = parts.now();
  return parts.identity.tenant(connection.org_id, async (tx) => {
    const owned = await findVerifiedDomain(tx, domainOf(email));
    if (owned?.org_id !== connection.org_id || owned.connection_id !== connection.id)
      throw new LinkRequiredProblem(connection);
    const before = await findUserByEmail(tx, email);
    // Somebody may have made an account with an address that is not theirs, and wait in it for its owner.
    if (before !== undefined && before.email_verified_at === null) throw new LinkRequiredProblem(connection);
    const name = typeof claims['name'] === 'string' && claims['name'] !== '' ? claims['name'].slice(0, 120) : email;
    const user: UserRow = before ?? {
      id: newId('usr'),
      email,
      name,
      locale: 'en',
      password_hash: passwordHash,
      email_verified_at: now,
      home_org_id: connection.org_id,
      made_by: connection.org_id,
      created_at: now,
    };
    if (before === undefined) await insertUser(tx, user);
    return { user, identity: await link(tx, caller, connection, user, String(claims['sub']), now) };
  });
}

/** Links an account in a transaction under the connection's organization. @throws LinkRequiredProblem when somebody else is linked */
export async function link(
  tx: Transaction<TenantTables>,
  caller: Caller,
  connection: ConnectionRow,
  user: UserRow,
  subject: string,
  now: Date,
): Promise<LinkedIdentityRow> {
  const row = {
    org_id: connection.org_id,
    id: newId('idn'),
    connection_id: connection.id,
    issuer: connection.issuer,
    subject,
    user_id: user.id,
    created_at: now,
    last_used_at: now,
  };
  if (!(await insertIdentity(tx, row))) throw new LinkRequiredProblem(connection);
  await appendEvent(tx, authorAs(user, caller), {
    orgId: connection.org_id,
    name: 'identity.linked',
    resourceId: row.id,
    data: { connectionId: connection.id, userId: user.id },
  });
  return row;
}

function addressOf(connection: ConnectionRow, claims: Claims): string {
  const { email, email_verified: verified } = claims;
  if (verified !== true || typeof email !== 'string' || !/^[^\s@"<>,;]{1,64}@[a-z0-9.-]{3,180}$/i.test(email))
    throw new LinkRequiredProblem(connection);
  return email.toLowerCase();
}

/** What changes in the organization's bindings. */
interface Change {
  readonly row: BindingRow;
  readonly kind: 'given' | 'changed' | 'taken';
}

/** Makes the person's bindings by this connection those of `roles`. What somebody gave by hand stays as it is. */
export async function applyRoles(
  parts: TenantParts,
  caller: Caller,
  connection: ConnectionRow,
  user: UserRow,
  roles: ReadonlyMap<string, Role>,
): Promise<void> {
  const subject = `user:${user.id}`;
  const places = await resolveScopes(parts, connection.org_id, [...roles.keys()]);
  const at = { ...caller, orgId: connection.org_id };
  const known = await parts.identity.anywhere((tx) => bindingsOfSubject(tx, subject));
  // Roles of groups, denials and those with times are beside these.
  const standsAt = (b: BindingRow, scopeId: string) =>
    b.subject === subject && b.slot === standing.slot && b.scope_id === scopeId;
  const wanted = places.filter((place) => !known.some((b) => standsAt(b, place.scopeId)));
  const held: string[] = [];
  const quotas = parts.peers.client('billing', QuotaService, onBehalfOf(at));
  const fresh = new Map(wanted.map((place) => [place.scopeId, newId('bnd')]));
  try {
    for (const holder of fresh.values()) {
      await quotas.consumeQuota({ orgId: connection.org_id, quota: 'members', holder, amount: 1n });
      held.push(holder);
    }
    const changes = await parts.identity.tenant(connection.org_id, (tx) =>
      writeRoles(tx, at, { connection, user, roles, places, fresh, now: parts.now() }),
    );
    for (const { row, kind } of changes)
      if (kind === 'taken') await releaseQuota(parts, at, 'members', row.quota_holder);
    if (changes.length > 0) parts.bell.ring(bells.identity);
  } catch (error) {
    for (const holder of held) await releaseQuota(parts, at, 'members', holder).catch(() => undefined);
    throw error;
  }
}

interface Application {
  readonly connection: ConnectionRow;
  readonly user: UserRow;
  readonly roles: ReadonlyMap<string, Role>;
  readonly places: readonly ScopeChain[];
  /** Ids of the bindings to make, by place. */
  readonly fresh: ReadonlyMap<string, string>;
  readonly now: Date;
}

async function writeRoles(
  tx: Transaction<TenantTables>,
  caller: Caller,
  { connection, user, roles, places, fresh, now }: Application,
): Promise<readonly Change[]> {
  const subject = `user:${user.id}`;
  const here = (await bindingsOfSubject(tx, subject)).filter((b) => b.org_id === connection.org_id);
  const own = here.filter((b) => b.connection_id === connection.id);
  const changes: Change[] = [];
  for (const row of own) {
    const role = places.some((p) => p.scopeId === row.scope_id) ? roles.get(row.scope_id) : undefined;
    if (role === undefined) await deleteBinding(tx, row.id);
    else if (role !== row.role) await setRole(tx, row.id, role);
    if (role !== row.role)
      changes.push({ row: { ...row, role: role ?? row.role }, kind: role === undefined ? 'taken' : 'changed' });
  }
  for (const place of places) {
    const id = fresh.get(place.scopeId);
    const role = roles.get(place.scopeId);
    if (id === undefined || role === undefined) continue;
    const row: BindingRow = {
      ...standing,
      org_id: connection.org_id,
      id,
      subject,
      role,
      scope_id: place.scopeId,
      workspace_id: place.workspaceId || null,
      project_id: place.projectId || null,
      quota_holder: id,
      connection_id: connection.id,
      revision: '1',
      created_at: now,
    };
    if (await insertBindingOnce(tx, row)) changes.push({ row, kind: 'given' });
  }
  for (const { row, kind } of changes)
    await appendEvent(tx, authorAs(user, caller), {
      orgId: connection.org_id,
      name: kind === 'taken' ? 'member.deleted' : 'member.set',
      resourceId: row.id,
      projectId: row.project_id ?? undefined,
      data: {
        connectionId: connection.id,
        [kind === 'taken' ? 'before' : 'after']: { subject, scopeId: row.scope_id, role: Role[row.role] },
      },
    });
  return changes;
}

async function setRole(tx: Transaction<TenantTables>, id: string, role: Role): Promise<void> {
  await tx
    .updateTable('tenant.role_binding')
    .set({ role, revision: sql`revision + 1` })
    .where('id', '=', id)
    .execute();
}
