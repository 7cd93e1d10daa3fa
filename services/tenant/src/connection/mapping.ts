import type { Role } from '@truffle/api/tenant/v1/account';
import type { Claims } from '../issuer/token.ts';

/** A role at a place for people whose claim has a value; for everybody when no claim is named. */
export interface Mapping {
  readonly claim: string;
  readonly value: string;
  readonly role: Role;
  readonly scopeId: string;
}

/** What the claims give: for each place the highest role. */
export function rolesOf(mappings: readonly Mapping[], claims: Claims): ReadonlyMap<string, Role> {
  const roles = new Map<string, Role>();
  for (const { claim, value, role, scopeId } of mappings)
    if ((claim === '' || valuesOf(claims, claim).includes(value)) && role > (roles.get(scopeId) ?? 0))
      roles.set(scopeId, role);
  return roles;
}

/** The values of a claim as texts: its own, or those of its list. A name with dots is looked for as it is first, then inside objects. */
export function valuesOf(claims: Claims, name: string): readonly string[] {
  const whole = Object.hasOwn(claims, name) ? claims[name] : insideOf(claims, name.split('.'));
  return (Array.isArray(whole) ? whole : [whole]).flatMap((each: unknown) =>
    typeof each === 'string' || typeof each === 'boolean' || typeof each === 'number' ? [String(each)] : [],
  );
}

const insideOf = (claims: Claims, path: readonly string[]): unknown =>
  path.reduce<unknown>(
    (at, name) => (typeof at === 'object' && at !== null && Object.hasOwn(at, name) ? (at as Claims)[name] : undefined),
    claims,
  );
