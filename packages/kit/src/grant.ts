import type { Role } from '@truffle/api/tenant/v1/account';
import { permissionsOfRole } from './permission.ts';

/** A place in the tenancy tree, with those above it. */
export interface Scope {
  readonly orgId: string;
  readonly workspaceId?: string | undefined;
  readonly projectId?: string | undefined;
  /** The resource at that place, and those that it is part of (a server's cluster). */
  readonly resourceIds?: readonly string[] | undefined;
}

/** The most that a credential may do of what its subject may. */
export interface Bounds {
  /** Missing for all. */
  readonly permissions?: ReadonlySet<string> | undefined;
  /** Missing for everywhere. */
  readonly scopeIds?: readonly string[] | undefined;
}

/** What a binding gives or takes, and where: at its place and everywhere below. */
export interface Grant {
  /** A built-in role; UNSPECIFIED where `permissions` says what is given. */
  readonly role: Role;
  readonly scopeId: string;
  readonly orgId: string;
  /** The places that `scopeId` is in: what makes a list of a project show what one may see of it. */
  readonly workspaceId?: string | undefined;
  readonly projectId?: string | undefined;
  /** What a custom role is made of. */
  readonly permissions?: ReadonlySet<string> | undefined;
  /** Takes away instead, whatever else allows it. */
  readonly deny?: boolean | undefined;
  /** In milliseconds since the epoch: it holds from then. */
  readonly startsAt?: number | undefined;
  /** In milliseconds since the epoch: it holds until before then. */
  readonly expiresAt?: number | undefined;
  readonly bounds?: Bounds | undefined;
}

/** What a grant means for a question. */
export type GrantVerdict = 'allows' | 'denies' | 'other-permissions' | 'elsewhere' | 'not-yet' | 'expired' | 'narrowed';

/** What `grant` means for `permission` at `scope` at the time `now`. */
export function verdictOf(grant: Grant, permission: string, scope: Scope, now: number): GrantVerdict {
  if (!reachesBy(grant, scope)) return 'elsewhere';
  if (!carries(grant, permission)) return 'other-permissions';
  if (grant.startsAt !== undefined && now < grant.startsAt) return 'not-yet';
  if (grant.expiresAt !== undefined && now >= grant.expiresAt) return 'expired';
  if (grant.deny === true) return 'denies';
  return isNarrowed(grant, permission, scope) ? 'narrowed' : 'allows';
}

/**
 * Whether `grants` give `permission` at `scope` at the time `now`: one of them allows it and none denies it. Of those that allow, only such
 * count as hold until `until`.
 */
export function allows(
  grants: readonly Grant[],
  permission: string,
  scope: Scope,
  now: number,
  until: number = now,
): boolean {
  let allowed = false;
  for (const grant of grants) {
    const verdict = verdictOf(grant, permission, scope, now);
    if (verdict === 'denies') return false;
    if (verdict === 'allows' && (grant.expiresAt === undefined || until <= grant.expiresAt)) allowed = true;
  }
  return allowed;
}

/** Whether one of `grants` gives anything at all at `scope`, from there or from above it. */
export const reaches = (grants: readonly Grant[], scope: Scope, now: number): boolean =>
  grants.some(
    (grant) => grant.deny !== true && isActive(grant, now) && reachesBy(grant, scope) && isOpen(grant, scope),
  );

/** What of a list somebody may see. */
export interface ListView {
  /** Whether they hold the permission for all that is listed. */
  readonly everything: boolean;
  /** Where else they hold it. */
  readonly only: readonly string[];
  /** Where it is denied to them. */
  readonly except: readonly string[];
}

/** What of a list of what is below `scope` somebody may see: what is in a place of `only` (or everything), but in none of `except`. */
export function viewOf(grants: readonly Grant[], permission: string, scope: Scope, now: number): ListView {
  const only = new Set<string>();
  const except = new Set<string>();
  for (const grant of grants) {
    if (!isActive(grant, now) || !carries(grant, permission) || !isBelow(grant, scope)) continue;
    if (grant.deny === true) except.add(grant.scopeId);
    else if (grant.bounds?.permissions?.has(permission) !== false) for (const id of openPlaces(grant)) only.add(id);
  }
  return { everything: allows(grants, permission, scope, now), only: [...only], except: [...except] };
}

/** Whether somebody holds `permission` for something below `scope`, so that a list of it is theirs to ask for. */
export const holdsBelow = (grants: readonly Grant[], permission: string, scope: Scope, now: number): boolean =>
  viewOf(grants, permission, scope, now).only.length > 0;

const carries = (grant: Grant, permission: string): boolean =>
  (grant.permissions ?? permissionsOfRole(grant.role)).has(permission);

const isActive = ({ startsAt, expiresAt }: Grant, now: number): boolean =>
  (startsAt === undefined || startsAt <= now) && (expiresAt === undefined || now < expiresAt);

const reachesBy = (grant: Grant, scope: Scope): boolean => grant.orgId === scope.orgId && covers(grant.scopeId, scope);

const isOpen = ({ bounds }: Grant, scope: Scope): boolean =>
  bounds?.scopeIds === undefined || bounds.scopeIds.some((id) => covers(id, scope));

const isNarrowed = (grant: Grant, permission: string, scope: Scope): boolean =>
  grant.bounds !== undefined && (grant.bounds.permissions?.has(permission) === false || !isOpen(grant, scope));

const covers = (scopeId: string, scope: Scope): boolean =>
  scopeId !== '' &&
  (scopeId === scope.orgId ||
    scopeId === scope.workspaceId ||
    scopeId === scope.projectId ||
    scope.resourceIds?.includes(scopeId) === true);

const placeOf = ({ orgId, workspaceId, projectId, scopeId }: Grant): Scope => ({
  orgId,
  workspaceId,
  projectId,
  resourceIds: [scopeId],
});

/** Whether a grant is at a place inside `scope`, at it or above it. */
const isBelow = (grant: Grant, scope: Scope): boolean =>
  grant.orgId === scope.orgId &&
  (reachesBy(grant, scope) ||
    covers(scope.resourceIds?.[0] ?? scope.projectId ?? scope.workspaceId ?? scope.orgId, placeOf(grant)));

/** Where a grant holds: at its place, or at those of a key's places that the grant reaches or that reach it. */
function openPlaces(grant: Grant): readonly string[] {
  const bounded = grant.bounds?.scopeIds;
  if (bounded === undefined || bounded.some((id) => covers(id, placeOf(grant)))) return [grant.scopeId];
  return grant.scopeId === grant.orgId ? bounded : [];
}
