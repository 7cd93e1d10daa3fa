import { publicServices } from '@truffle/api';
import { Role } from '@truffle/api/tenant/v1/account';
import { expect, test } from 'vitest';
import { rulesOf } from './contract.ts';
import { knownPermissions, permissionsOfRole, roleGrants } from './permission.ts';

const roles = [Role.VIEWER, Role.OPERATOR, Role.ADMIN, Role.OWNER];

test('methods ask for exactly the permissions that roles have', () => {
  const asked = new Set(
    publicServices
      .flatMap((s) => s.methods)
      .map((m) => rulesOf(m).permission)
      .filter((p) => p !== ''),
  );
  expect([...asked].toSorted()).toEqual([...knownPermissions()].toSorted());
});

test('each role has what the one before it has, and no role is none', () => {
  for (const permission of knownPermissions()) {
    const having = roles.map((role) => roleGrants(role, permission));
    expect(having).toEqual([...having].toSorted((a, b) => Number(a) - Number(b)));
    expect(roleGrants(Role.OWNER, permission)).toBe(true);
    expect(roleGrants(Role.UNSPECIFIED, permission)).toBe(false);
  }
});

test('a viewer only looks', () => {
  const looks = [...knownPermissions()]
    .filter((permission) => roleGrants(Role.VIEWER, permission))
    .map((permission) => permission.split('.')[1]);
  expect(new Set(looks)).toEqual(new Set(['get', 'list', 'watch', 'validate', 'plan', 'logs']));
});

test('an auditor sees what a viewer and more that only looks, and changes nothing', () => {
  const auditor = permissionsOfRole(Role.AUDITOR);
  for (const permission of permissionsOfRole(Role.VIEWER)) expect(auditor).toContain(permission);
  for (const permission of ['api_key.list', 'access.explain', 'access.who_can']) expect(auditor).toContain(permission);
  const verbs = new Set([...auditor].map((permission) => permission.split('.')[1]));
  for (const verb of ['create', 'update', 'delete', 'set', 'rotate', 'revoke', 'reveal', 'secure'])
    expect(verbs).not.toContain(verb);
});
