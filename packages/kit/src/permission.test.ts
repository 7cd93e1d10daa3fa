import { publicServices } from '@truffle/api';
import { Role } from '@truffle/api/tenant/v1/account';
import { describe, expect, test } from 'vitest';
import { rulesOf } from './contract.ts';
import { allows, knownPermissions, reaches, roleGrants } from './permission.ts';

const roles = [Role.VIEWER, Role.OPERATOR, Role.ADMIN, Role.OWNER];
const place = { orgId: 'org_1', workspaceId: 'wks_1', projectId: 'prj_1' };
const grant = (scopeId: string, role = Role.VIEWER, orgId = 'org_1') => ({ role, scopeId, orgId });

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

describe('a binding', () => {
  test.each([
    ['at the organization', 'org_1', true],
    ['at the workspace', 'wks_1', true],
    ['at the project', 'prj_1', true],
    ['at another project', 'prj_2', false],
    ['at nothing', '', false],
  ])('%s reaches the project: %s', (_, scopeId, reached) => {
    expect(reaches([grant(scopeId)], place)).toBe(reached);
    expect(allows([grant(scopeId)], 'cluster.get', place)).toBe(reached);
  });

  test('below a place does not hold at it', () => {
    expect(reaches([grant('prj_1')], { orgId: 'org_1' })).toBe(false);
    expect(reaches([grant('')], { orgId: 'org_1', workspaceId: '', projectId: '' })).toBe(false);
  });

  test('of another organization never holds, whatever it names', () => {
    expect(reaches([grant('org_1', Role.OWNER, 'org_2'), grant('prj_1', Role.OWNER, 'org_2')], place)).toBe(false);
  });

  test('gives what its role has, and several add up', () => {
    expect(allows([grant('org_1')], 'cluster.create', place)).toBe(false);
    expect(allows([grant('org_1'), grant('prj_1', Role.OPERATOR)], 'cluster.create', place)).toBe(true);
  });
});
