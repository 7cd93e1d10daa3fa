import { Role } from '@truffle/api/tenant/v1/account';
import { PermissionProblem } from '@truffle/kit';
import { describe, expect, it } from 'vitest';
import { demandRole, roleAt } from './binding.ts';

const caller = {
  orgId: 'org_a',
  bindings: [
    { orgId: 'org_a', scopeId: 'wks_1', role: Role.ADMIN },
    { orgId: 'org_a', scopeId: 'prj_1', role: Role.OWNER },
    { orgId: 'org_b', scopeId: 'org_b', role: Role.OWNER },
  ],
};
const project = { scope_id: 'prj_1', workspace_id: 'wks_1', project_id: 'prj_1' };
const sibling = { scope_id: 'prj_2', workspace_id: 'wks_1', project_id: 'prj_2' };
const organization = { scope_id: 'org_a', workspace_id: null, project_id: null };

describe('a role at a place', () => {
  it('is the highest from there or above, in that organization only', () => {
    expect(roleAt(caller, project)).toBe(Role.OWNER);
    expect(roleAt(caller, sibling)).toBe(Role.ADMIN);
    expect(roleAt(caller, organization)).toBe(Role.UNSPECIFIED);
  });

  it('bounds what may be given there', () => {
    expect(() => demandRole(caller, sibling, Role.ADMIN)).not.toThrow();
    expect(() => demandRole(caller, sibling, Role.OWNER)).toThrow(PermissionProblem);
    expect(() => demandRole(caller, organization, Role.VIEWER)).toThrow(PermissionProblem);
  });
});
