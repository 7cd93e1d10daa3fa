import { Role } from '@truffle/api/tenant/v1/account';
import { describe, expect, test } from 'vitest';
import { bothOf } from './acting.ts';
import { allows, type Grant, type Scope } from './grant.ts';

const now = 1_000;
const places: readonly Scope[] = [
  { orgId: 'org_1' },
  { orgId: 'org_1', workspaceId: 'wks_1' },
  { orgId: 'org_1', workspaceId: 'wks_1', projectId: 'prj_1' },
  { orgId: 'org_1', workspaceId: 'wks_1', projectId: 'prj_1', resourceIds: ['clu_1'] },
  { orgId: 'org_1', workspaceId: 'wks_1', projectId: 'prj_2' },
  { orgId: 'org_2' },
];
const permissions = ['cluster.get', 'cluster.create', 'group.create', 'audit.erase'] as const;
const scopes = ['org_1', 'wks_1', 'prj_1', 'clu_1', 'prj_2', 'org_2'] as const;

/** A small generator (mulberry32): what a seed made can be made again. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

function someGrant(below: (n: number) => number): Grant {
  const scopeId = scopes[below(scopes.length)] ?? 'org_1';
  return {
    role: [Role.VIEWER, Role.OPERATOR, Role.ADMIN, Role.OWNER, Role.UNSPECIFIED][below(5)] ?? Role.VIEWER,
    permissions: below(2) === 0 ? undefined : new Set(permissions.filter(() => below(2) === 0)),
    scopeId,
    orgId: scopeId === 'org_2' ? 'org_2' : 'org_1',
    workspaceId: scopeId.startsWith('org') ? undefined : 'wks_1',
    projectId: scopeId === 'prj_1' || scopeId === 'clu_1' ? 'prj_1' : scopeId === 'prj_2' ? 'prj_2' : undefined,
    deny: below(6) === 0,
    startsAt: [undefined, now - 1, now, now + 1][below(4)],
    expiresAt: [undefined, now - 1, now + 1, now + 2][below(4)],
  };
}

describe('what two may do both', () => {
  test('is what each of them may, wherever and whenever', () => {
    for (let seed = 0; seed < 300; seed++) {
      const below = seeded(seed);
      const [one, other] = [0, 1].map(() => Array.from({ length: below(5) }, () => someGrant(below)));
      if (one === undefined || other === undefined) throw new Error('two are needed');
      const both = bothOf(one, other);
      for (const place of places)
        for (const permission of permissions)
          for (const at of [now - 1, now, now + 1])
            expect(allows(both, permission, place, at), `${seed} ${permission} ${JSON.stringify(place)} ${at}`).toBe(
              allows(one, permission, place, at) && allows(other, permission, place, at),
            );
    }
  });

  test('is never a key, a trust, a connection or to act as somebody', () => {
    const owner: Grant = { role: Role.OWNER, scopeId: 'org_1', orgId: 'org_1' };
    for (const permission of [
      'api_key.create',
      'api_key.list',
      'trust.create',
      'connection.manage',
      'impersonation.create',
    ])
      expect(allows(bothOf([owner], [owner]), permission, { orgId: 'org_1' }, now), permission).toBe(false);
    expect(allows(bothOf([owner], [owner]), 'cluster.create', { orgId: 'org_1' }, now)).toBe(true);
  });

  test('stays bounded, and keeps what denies', () => {
    const many = Array.from({ length: 1_000 }, (): Grant => ({ role: Role.OWNER, scopeId: 'org_1', orgId: 'org_1' }));
    const denial: Grant = { role: Role.VIEWER, scopeId: 'prj_1', orgId: 'org_1', deny: true };
    const both = bothOf(many, [...many, denial]);
    expect(both.length).toBeLessThanOrEqual(2_001);
    expect(both).toContainEqual(denial);
  });
});
