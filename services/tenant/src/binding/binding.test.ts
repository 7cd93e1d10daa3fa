import { Role } from '@truffle/api/tenant/v1/account';
import { PermissionProblem, permissionsOfRole } from '@truffle/kit';
import { describe, expect, it } from 'vitest';
import { demandHolds, holds } from './binding.ts';

const caller = {
  orgId: 'org_a',
  bindings: [
    { orgId: 'org_a', scopeId: 'wks_1', role: Role.ADMIN },
    { orgId: 'org_a', scopeId: 'prj_1', role: Role.OWNER },
    { orgId: 'org_a', scopeId: 'prj_3', role: Role.OWNER, expiresAt: 2_000 },
    { orgId: 'org_b', scopeId: 'org_b', role: Role.OWNER },
  ],
};
const project = { scope_id: 'prj_1', workspace_id: 'wks_1', project_id: 'prj_1' };
const sibling = { scope_id: 'prj_2', workspace_id: 'wks_1', project_id: 'prj_2' };
const late = { scope_id: 'prj_3', workspace_id: 'wks_2', project_id: 'prj_3' };
const organization = { scope_id: 'org_a', workspace_id: null, project_id: null };
const now = 1_000;
const owner = permissionsOfRole(Role.OWNER);

describe('what somebody may give at a place', () => {
  it('is what they have from there or above, in that organization only', () => {
    expect(holds(caller, project, owner, now)).toBe(true);
    expect(holds(caller, sibling, permissionsOfRole(Role.ADMIN), now)).toBe(true);
    expect(holds(caller, sibling, owner, now)).toBe(false);
    expect(holds(caller, organization, permissionsOfRole(Role.VIEWER), now)).toBe(false);
  });

  it('is named by the first permission that they have not', () => {
    expect(() => demandHolds(caller, sibling, ['cluster.get', 'organization.secure'], now)).toThrow(PermissionProblem);
    expect(() => demandHolds(caller, sibling, ['cluster.get', 'organization.secure'], now)).toThrow(
      /organization\.secure on prj_2/,
    );
  });

  it('ends with what they have', () => {
    expect(holds(caller, late, owner, now, 2_000)).toBe(true);
    expect(holds(caller, late, owner, now, 2_001)).toBe(false);
    expect(holds(caller, late, owner, now)).toBe(false);
  });
});
