import type { Role } from '@truffle/api/tenant/v1/account';
import { idKind } from '@truffle/ids';
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
export const verdictOf = (grant: Grant, permission: string, scope: Scope, now: number): GrantVerdict =>
  judge(grant, permission, above(scope), now);

function judge(grant: Grant, permission: string, places: Places, now: number): GrantVerdict {
  if (!reachesBy(grant, places)) return 'elsewhere';
  if (!carries(grant, permission)) return 'other-permissions';
  if (grant.startsAt !== undefined && now < grant.startsAt) return 'not-yet';
  if (grant.expiresAt !== undefined && now >= grant.expiresAt) return 'expired';
  if (grant.deny === true) return 'denies';
  return isNarrowed(grant, permission, places) ? 'narrowed' : 'allows';
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
  const places = above(scope);
  let allowed = false;
  for (const grant of grants) {
    const verdict = judge(grant, permission, places, now);
    if (verdict === 'denies') return false;
    if (verdict === 'allows' && (grant.expiresAt === undefined || until <= grant.expiresAt)) allowed = true;
  }
  return allowed;
}

/** Whether one of `grants` gives anything at all at `scope`, from there or from above it. */
export function reaches(grants: readonly Grant[], scope: Scope, now: number): boolean {
  const places = above(scope);
  return grants.some(
    (grant) => grant.deny !== true && isActive(grant, now) && reachesBy(grant, places) && isOpen(grant, places),
  );
}

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
  const places = above(scope);
  const only = new Set<string>();
  const except = new Set<string>();
  for (const grant of grants) {
    if (!isActive(grant, now) || !carries(grant, permission) || grant.orgId !== scope.orgId) continue;
    if (grant.deny === true) {
      // What is denied here is denied below, whatever is given there.
      if (places.ids.has(grant.scopeId)) return { everything: false, only: [], except: [grant.scopeId] };
      // Also what may lie elsewhere: a grant at a server does not say of which cluster it is, and leaving out too much hides nothing more.
      except.add(grant.scopeId);
    } else if (!isBelow(grant, scope, places)) continue;
    else if (grant.bounds?.permissions?.has(permission) !== false) for (const id of openPlaces(grant)) only.add(id);
  }
  return { everything: allows(grants, permission, scope, now), only: [...only], except: [...except] };
}

/** Whether somebody holds `permission` for something below `scope`, so that a list of it is theirs to ask for. */
export const holdsBelow = (grants: readonly Grant[], permission: string, scope: Scope, now: number): boolean =>
  viewOf(grants, permission, scope, now).only.length > 0;

/**
 * Whether somebody holds `permission` at a workspace or project of the organization of `scope`, so that what the organization shares with those is
 * theirs to read; what is denied to them at `scope` is not.
 */
export function holdsInPart(grants: readonly Grant[], permission: string, scope: Scope, now: number): boolean {
  const places = above(scope);
  if (grants.some((grant) => judge(grant, permission, places, now) === 'denies')) return false;
  return grants.some(
    (grant) =>
      grant.deny !== true &&
      grant.orgId === scope.orgId &&
      openPlaces(grant).some((id) => isPart(id) && allows(grants, permission, partOf(grant, id), now)),
  );
}

const isPart = (id: string): boolean => ['prj', 'wks'].includes(idKind(id) ?? '');

const partOf = ({ orgId, workspaceId }: Grant, id: string): Scope =>
  idKind(id) === 'prj' ? { orgId, workspaceId, projectId: id } : { orgId, workspaceId: id };

const carries = (grant: Grant, permission: string): boolean =>
  (grant.permissions ?? permissionsOfRole(grant.role)).has(permission);

const isActive = ({ startsAt, expiresAt }: Grant, now: number): boolean =>
  (startsAt === undefined || startsAt <= now) && (expiresAt === undefined || now < expiresAt);

/** A place with all those above it, up to its organization: a set, since ids that were made together are slow to compare. */
interface Places {
  readonly orgId: string;
  readonly ids: ReadonlySet<string>;
}

function above({ orgId, workspaceId, projectId, resourceIds }: Scope): Places {
  const ids = new Set([orgId]);
  if (workspaceId) ids.add(workspaceId);
  if (projectId) ids.add(projectId);
  if (resourceIds !== undefined) for (const id of resourceIds) if (id !== '') ids.add(id);
  return { orgId, ids };
}

const reachesBy = (grant: Grant, places: Places): boolean =>
  places.ids.has(grant.scopeId) && grant.orgId === places.orgId;

const isOpen = ({ bounds }: Grant, { ids }: Places): boolean =>
  bounds?.scopeIds === undefined || bounds.scopeIds.some((id) => ids.has(id));

const isNarrowed = (grant: Grant, permission: string, places: Places): boolean =>
  grant.bounds !== undefined && (grant.bounds.permissions?.has(permission) === false || !isOpen(grant, places));

const placesOf = ({ orgId, workspaceId, projectId, scopeId }: Grant): Places =>
  above({ orgId, workspaceId, projectId, resourceIds: [scopeId] });

/** Whether a grant is at a place inside `scope`, at it or above it. */
const isBelow = (grant: Grant, scope: Scope, places: Places): boolean =>
  grant.orgId === scope.orgId && (places.ids.has(grant.scopeId) || isInside(grant, lowestOf(scope)));

const lowestOf = ({ orgId, workspaceId, projectId, resourceIds }: Scope): string =>
  resourceIds?.[0] ?? projectId ?? workspaceId ?? orgId;

const isInside = ({ orgId, workspaceId, projectId, scopeId }: Grant, id: string): boolean =>
  id === orgId || id === workspaceId || id === projectId || id === scopeId;

/** Where a grant holds: at its place, or at those of a key's places that are known to be inside it. */
function openPlaces(grant: Grant): readonly string[] {
  const bounded = grant.bounds?.scopeIds;
  if (bounded === undefined || isOpen(grant, placesOf(grant))) return [grant.scopeId];
  return grant.scopeId === grant.orgId ? bounded : [];
}
