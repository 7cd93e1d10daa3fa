import { Role } from '@truffle/api/tenant/v1/account';
import { appendEvent, type EventAuthor } from '@truffle/database';
import { newId } from '@truffle/ids';
import { authorOf, bells, InvalidProblem, NotFoundProblem, permissionsOfRole, type Caller } from '@truffle/kit';
import { demandVerified } from '../account/person.usecases.ts';
import { demandHolds, placeOf } from '../binding/binding.ts';
import { newCredential } from '../credential/credential.ts';
import { TokenProblem } from '../issuer/token.ts';
import type { TenantParts } from '../parts.ts';
import { demandAllOf, lockServiceAccount } from '../service-account/service-account.usecases.ts';
import { holds, namesWorkload, type Condition } from './condition.ts';
import {
  deleteOldTokens,
  findOpenTrust,
  findToken,
  findTrust,
  insertToken,
  insertTrust,
  revokeToken,
  revokeTrust,
  type OpenTrust,
  type TrustRow,
} from './trust.repo.ts';

export interface WantedTrust {
  readonly scopeId: string;
  readonly name: string;
  readonly issuer: string;
  readonly audience: string;
  readonly conditions: readonly Condition[];
  /** UNSPECIFIED for what a service account may. */
  readonly role: Role;
  /** Empty for a role of its own. */
  readonly serviceAccountId: string;
  /** 0 for what is usual. */
  readonly lifetimeSeconds: number;
}

const usualSeconds = 900;
const shortestSeconds = 60;
const keptMs = 30 * 24 * 60 * 60_000;

/** @throws PermissionProblem for what the caller has not, NotFoundProblem without such a service account, InvalidProblem for conditions that name no workload or an issuer that may not be asked */
export async function createTrust(parts: TenantParts, caller: Caller, wanted: WantedTrust): Promise<TrustRow> {
  demandPower(caller, wanted);
  const place = placeOf(caller, wanted.scopeId);
  demandHolds(caller, place, permissionsOfRole(wanted.role), parts.now().getTime());
  await demandVerified(parts, caller);
  parts.issuers.demandUrl(wanted.issuer, 'issuer');
  if (!wanted.conditions.some(namesWorkload))
    throw new InvalidProblem([
      {
        field: 'conditions',
        description:
          'at least one must name the workload, e.g. sub = repo:acme/web:ref:refs/heads/main, or sub = repo:acme/*: an issuer has other customers too',
        reason: 'NAMES_NO_WORKLOAD',
      },
    ]);
  const conditions = wanted.conditions.map(({ claim, pattern }) => ({ claim, pattern }));
  const row: TrustRow = {
    ...place,
    org_id: caller.orgId,
    id: newId('tru'),
    name: wanted.name,
    issuer: wanted.issuer,
    audience: wanted.audience,
    conditions,
    role: wanted.role,
    service_account_id: wanted.serviceAccountId || null,
    lifetime_seconds: Math.max(shortestSeconds, wanted.lifetimeSeconds || usualSeconds),
    made_by: caller.subject,
    created_at: parts.now(),
    revoked_at: null,
  };
  await parts.tenants.tenant(caller.orgId, async (tx) => {
    if (row.service_account_id !== null) {
      await lockServiceAccount(tx, caller, row.service_account_id, 0n);
      await demandAllOf(parts, tx, caller, row.service_account_id);
    }
    await insertTrust(tx, { ...row, conditions: JSON.stringify(conditions) });
    const { name, issuer, audience, scopeId, role, serviceAccountId } = wanted;
    const power = serviceAccountId === '' ? { role: Role[role] } : { serviceAccountId };
    const data = { after: { name, issuer, audience, scopeId, ...power, conditions } };
    await appendEvent(tx, authorOf(caller), { ...eventOf(row), name: 'trust.created', data });
  });
  return row;
}

/** @throws InvalidProblem */
function demandPower(caller: Caller, { role, serviceAccountId, scopeId }: WantedTrust): void {
  const wrong = (field: string, description: string, reason: string): never => {
    throw new InvalidProblem([{ field, description, reason }]);
  };
  if ((role === Role.UNSPECIFIED) === (serviceAccountId === ''))
    wrong('role', 'say either role or service_account_id', 'ONE_OF_ROLE_AND_SERVICE_ACCOUNT');
  if (serviceAccountId !== '' && scopeId !== caller.orgId)
    wrong(
      'scope_id',
      "must be the service account's organization; the account's own roles say where",
      'NOT_THE_ORGANIZATION',
    );
}

/** Ends a trust with its tokens; one that has ended stays so. @throws NotFoundProblem */
export async function endTrust(parts: TenantParts, caller: Caller, id: string): Promise<void> {
  await parts.tenants.tenant(caller.orgId, async (tx) => {
    const row = await findTrust(tx, id);
    if (row === undefined) throw new NotFoundProblem('trust', id);
    if (await revokeTrust(tx, id, parts.now()))
      await appendEvent(tx, authorOf(caller), {
        ...eventOf(row),
        name: 'trust.revoked',
        data: { before: { name: row.name, issuer: row.issuer } },
      });
  });
  parts.bell.ring(bells.identity);
}

/** Ends one token at once; one that has ended stays so. @throws NotFoundProblem */
export async function endToken(parts: TenantParts, caller: Caller, trustId: string, id: string): Promise<void> {
  await parts.tenants.tenant(caller.orgId, async (tx) => {
    const trust = await findTrust(tx, trustId);
    const token = await findToken(tx, trustId, id);
    if (trust === undefined || token === undefined) throw new NotFoundProblem('workload token', id);
    if (token.revoked_at !== null) return;
    await revokeToken(tx, id, parts.now());
    const data = { tokenId: id, subject: token.subject };
    await appendEvent(tx, authorOf(caller), { ...eventOf(trust), name: 'workload_token.revoked', data });
  });
  parts.bell.ring(bells.identity);
}

/** A workload's token for its issuer's. @throws TokenProblem: the same for a trust that is not there and a token that it does not take */
export async function exchange(
  parts: TenantParts,
  caller: Caller,
  trustId: string,
  subjectToken: string,
): Promise<{ readonly secret: string; readonly expiresAt: Date }> {
  const trust = await parts.identity.anywhere((tx) => findOpenTrust(tx, trustId));
  if (trust === undefined) throw new TokenProblem();
  // The organization's audit trail tells of it; who asked learns nothing.
  const refused = (cause?: unknown) =>
    new TokenProblem(undefined, cause, { orgId: trust.org_id, resourceId: trust.id });
  const claims = await parts.issuers.verify(subjectToken, trust.issuer, trust.audience).catch((error: unknown) => {
    throw error instanceof TokenProblem ? refused(error) : error;
  });
  if (!holds(trust.conditions, claims)) throw refused();
  const { secret, sha256 } = newCredential('tfw');
  const now = parts.now();
  const subject = String(claims.sub).slice(0, 500);
  const row = {
    org_id: trust.org_id,
    id: newId('wkt'),
    trust_id: trust.id,
    subject,
    secret_sha256: sha256,
    address: caller.address,
    created_at: now,
    expires_at: new Date(now.getTime() + trust.lifetime_seconds * 1000),
    revoked_at: null,
  };
  const author: EventAuthor = {
    ...authorOf(caller),
    subject: workloadSubject(trust),
    displayName: labelOf(trust, subject),
  };
  await parts.tenants.tenant(trust.org_id, async (tx) => {
    await deleteOldTokens(tx, new Date(now.getTime() - keptMs));
    await insertToken(tx, row);
    const data = { tokenId: row.id, subject, issuer: trust.issuer, expiresAt: row.expires_at.toISOString() };
    await appendEvent(tx, author, { ...eventOf(trust), name: 'workload_token.issued', data });
  });
  return { secret, expiresAt: row.expires_at };
}

/** As whom a trust's workloads act: as its service account, or as the trust itself. */
export const workloadSubject = (trust: Pick<TrustRow, 'id' | 'service_account_id'>): string =>
  trust.service_account_id === null ? `trust:${trust.id}` : `service_account:${trust.service_account_id}`;

/** What people call a workload of a trust. */
export const labelOf = (trust: Pick<OpenTrust, 'name' | 'service_account_name'>, subject: string): string =>
  `${trust.service_account_name === null ? '' : `${trust.service_account_name}/`}${trust.name} (${subject})`;

const eventOf = (row: TrustRow): { orgId: string; resourceId: string; projectId: string | undefined } => ({
  orgId: row.org_id,
  resourceId: row.id,
  projectId: row.project_id ?? undefined,
});
