import { publicServices } from '@truffle/api';
import { sentences } from '@truffle/api/sentences';
import { Role } from '@truffle/api/tenant/v1/account';
import { InvalidProblem, knownPermissions, roleGrants, rulesOf } from '@truffle/kit';

/** Something that roles are made of, as the contract says it. */
export interface CataloguedPermission {
  readonly name: string;
  /** What the methods that ask for it do. */
  readonly sentences: readonly string[];
  /** The built-in roles that have it. */
  readonly roles: readonly Role[];
}

const builtIn = [Role.VIEWER, Role.OPERATOR, Role.ADMIN, Role.OWNER, Role.AUDITOR];

/** Every permission that a method of the contract asks for, by name. */
export function permissionCatalogue(): CataloguedPermission[] {
  const said = new Map<string, string[]>();
  for (const method of publicServices.flatMap((service) => service.methods)) {
    const { permission } = rulesOf(method);
    if (permission === '') continue;
    const sentence = sentences[`${method.parent.typeName}/${method.name}`] ?? '';
    said.set(permission, [...(said.get(permission) ?? []), sentence]);
  }
  return [...said]
    .map(([name, its]) => ({ name, sentences: its, roles: builtIn.filter((role) => roleGrants(role, name)) }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** @throws InvalidProblem for what no method asks for */
export function demandKnown(permission: string): void {
  if (!knownPermissions().has(permission))
    throw new InvalidProblem([
      {
        field: 'permission',
        description: `there is no permission ${JSON.stringify(permission)}; ListPermissions names all`,
        reason: 'UNKNOWN_PERMISSION',
      },
    ]);
}
