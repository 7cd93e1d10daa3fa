import { Code } from '@connectrpc/connect';
import { Access, type MethodRules } from '@truffle/api/options/v1/method';
import type { Caller } from './caller.ts';
import type { Grant } from './grant.ts';
import { permissionsOfRole } from './permission.ts';
import { Problem } from './problem.ts';

/** What is not done in somebody's name, whoever may do it in their own: making what lasts longer, and acting as somebody again. */
const ownOnly: ReadonlySet<string> = new Set(['api_key', 'trust', 'impersonation', 'connection']);
/** Grants that are looked at for both. */
const mostGrants = 2_000;

/** Somebody acts as another and wants what is for that person alone. */
export class ActingProblem extends Problem {
  override readonly name = 'ActingProblem';
  constructor() {
    super(
      Code.PermissionDenied,
      'ACTING_FOR_SOMEBODY',
      'this is for the person themselves: accounts, sessions, keys and dangerous actions are not touched in the name of somebody else',
    );
  }
}

/** @throws ActingProblem when the caller acts as somebody and the method is for that person alone */
export function demandOwn(caller: Caller, rules: MethodRules): void {
  if (caller.acting === undefined) return;
  if (rules.stepUp || (rules.access === Access.AUTHENTICATED && !rules.acting)) throw new ActingProblem();
}

/**
 * What two people may both do, as grants: allowed where each of them has a grant that allows and neither has one that denies. A pair allows at
 * the lower of its two places, for the time that both hold, what both are made of.
 */
export function bothOf(one: readonly Grant[], other: readonly Grant[]): readonly Grant[] {
  const denials = [...one, ...other].filter((grant) => grant.deny === true);
  const bounding = other
    .filter((grant) => grant.deny !== true && grant.bounds === undefined)
    .map((grant) => ({ grant, permissions: actedPermissions(grant) }));
  const allowing: Grant[] = [];
  for (const grant of one) {
    if (grant.deny === true || grant.bounds !== undefined) continue;
    for (const { grant: bound, permissions } of bounding) {
      if (bound.orgId !== grant.orgId || permissions.size === 0) continue;
      allowing.push({
        ...grant,
        startsAt: latest(grant.startsAt, bound.startsAt),
        expiresAt: earliest(grant.expiresAt, bound.expiresAt),
        bounds: { permissions, scopeIds: [bound.scopeId] },
      });
      // What is left out allows nothing.
      if (allowing.length === mostGrants) return [...denials, ...allowing];
    }
  }
  return [...denials, ...allowing];
}

const actedPermissions = ({ permissions, role }: Grant): ReadonlySet<string> =>
  new Set([...(permissions ?? permissionsOfRole(role))].filter((each) => !ownOnly.has(each.split('.')[0] ?? '')));

const latest = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined ? b : Math.max(a, b ?? a);

const earliest = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined ? b : Math.min(a, b ?? a);
