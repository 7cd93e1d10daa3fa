import { Code } from '@connectrpc/connect';
import type { AddressRanges } from './address.ts';
import type { Caller } from './caller.ts';
import type { Grant } from './grant.ts';
import { Problem } from './problem.ts';

/** Where each organization that says so lets callers come from. */
export type AddressRules = ReadonlyMap<string, AddressRanges>;

/** The organization does not let anybody in from this address. */
export class AddressProblem extends Problem {
  override readonly name = 'AddressProblem';
  constructor(orgId: string, address: string) {
    super(
      Code.PermissionDenied,
      'ADDRESS_NOT_ALLOWED',
      `the organization ${orgId} is not used from ${address || 'an unknown address'}: ask one of its owners to add it (truffle allowlist set)`,
      { parameters: { orgId, address }, record: { orgId } },
    );
  }
}

/**
 * The caller, with what it may do in organizations that its address is outside of set apart: those are closed to it, all others are not.
 * @throws AddressProblem for a key, which has no other organization
 */
export function admitAddress(caller: Caller, rules: AddressRules): Caller {
  const isOutside = ({ orgId }: { readonly orgId: string }): boolean =>
    rules.get(orgId)?.contains(caller.address) === false;
  const barred = [...caller.bindings, ...(caller.withheld ?? [])].filter(isOutside);
  const [first] = barred;
  if (first === undefined) return caller;
  if (caller.sessionId === undefined) throw new AddressProblem(first.orgId, caller.address);
  const inside = (grants: readonly Grant[] | undefined) => grants?.filter((grant) => !isOutside(grant)) ?? [];
  return { ...caller, bindings: inside(caller.bindings), withheld: inside(caller.withheld), barred };
}
