import { Role } from '@truffle/api/tenant/v1/account';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { allows, holdsBelow, holdsInPart, reaches, verdictOf, viewOf, type Grant } from './grant.ts';

const place = { orgId: 'org_1', workspaceId: 'wks_1', projectId: 'prj_1' };
const cluster = { ...place, resourceIds: ['clu_1'] };
const server = { ...place, resourceIds: ['srv_1', 'clu_1'] };
const now = 1_000;
const grant = (scopeId: string, role = Role.VIEWER, orgId = 'org_1'): Grant => ({ role, scopeId, orgId });
const custom = (scopeId: string, ...permissions: string[]): Grant => ({
  ...grant(scopeId, Role.UNSPECIFIED),
  permissions: new Set(permissions),
});
const deny = (given: Grant): Grant => ({ ...given, deny: true });

describe('a binding', () => {
  test.each([
    ['at the organization', 'org_1', true],
    ['at the workspace', 'wks_1', true],
    ['at the project', 'prj_1', true],
    ['at another project', 'prj_2', false],
    ['at nothing', '', false],
  ])('%s reaches the project: %s', (_, scopeId, reached) => {
    expect(reaches([grant(scopeId)], place, now)).toBe(reached);
    expect(allows([grant(scopeId)], 'cluster.get', place, now)).toBe(reached);
  });

  test('below a place does not hold at it', () => {
    expect(reaches([grant('prj_1')], { orgId: 'org_1' }, now)).toBe(false);
    expect(reaches([grant('')], { orgId: 'org_1', workspaceId: '', projectId: '' }, now)).toBe(false);
  });

  test('of another organization never holds, whatever it names', () => {
    const foreign = [grant('org_1', Role.OWNER, 'org_2'), grant('prj_1', Role.OWNER, 'org_2')];
    expect(reaches(foreign, place, now)).toBe(false);
  });

  test('gives what its role has, and several add up', () => {
    expect(allows([grant('org_1')], 'cluster.create', place, now)).toBe(false);
    expect(allows([grant('org_1'), grant('prj_1', Role.OPERATOR)], 'cluster.create', place, now)).toBe(true);
  });

  test('of a custom role gives its permissions and nothing else', () => {
    const own = [custom('prj_1', 'cluster.get', 'server.start')];
    expect(allows(own, 'server.start', server, now)).toBe(true);
    expect(allows(own, 'server.stop', server, now)).toBe(false);
  });

  test('at one resource holds there and for its parts, not beside it', () => {
    const own = [grant('clu_1', Role.OPERATOR)];
    expect(allows(own, 'cluster.delete', cluster, now)).toBe(true);
    expect(allows(own, 'server.stop', server, now)).toBe(true);
    expect(allows(own, 'cluster.get', { ...place, resourceIds: ['clu_2'] }, now)).toBe(false);
    expect(allows(own, 'cluster.list', place, now)).toBe(false);
  });
});

describe('what denies', () => {
  test('wins over all that allows, above and below, and only for its permissions', () => {
    const held = [grant('org_1', Role.OWNER), grant('clu_1', Role.OWNER), deny(custom('prj_1', 'cluster.delete'))];
    expect(allows(held, 'cluster.delete', cluster, now)).toBe(false);
    expect(allows(held, 'cluster.get', cluster, now)).toBe(true);
    expect(allows(held, 'cluster.delete', { ...cluster, projectId: 'prj_2' }, now)).toBe(true);
  });

  test('never allows, in whatever order', () => {
    const any = fc.record({
      role: fc.constantFrom(Role.VIEWER, Role.OPERATOR, Role.OWNER),
      scopeId: fc.constantFrom('org_1', 'wks_1', 'prj_1', 'clu_1', 'prj_2'),
      orgId: fc.constantFrom('org_1', 'org_2'),
      deny: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(any, { maxLength: 12 }), (grants) => {
        const verdicts = grants.map((each) => verdictOf(each, 'cluster.delete', cluster, now));
        const expected = verdicts.includes('allows') && !verdicts.includes('denies');
        expect(allows(grants, 'cluster.delete', cluster, now)).toBe(expected);
        expect(allows(grants.toReversed(), 'cluster.delete', cluster, now)).toBe(expected);
      }),
    );
  });
});

describe('a binding with times', () => {
  const timed: Grant = { ...grant('org_1'), startsAt: 1_000, expiresAt: 2_000 };

  test.each([
    [999, false],
    [1_000, true],
    [1_999, true],
    [2_000, false],
  ])('at %i holds: %s', (at, held) => {
    expect(allows([timed], 'cluster.get', place, at)).toBe(held);
    expect(reaches([timed], place, at)).toBe(held);
    expect(allows([grant('org_1'), deny(timed)], 'cluster.get', place, at)).toBe(!held);
  });

  test('does not count for what shall hold longer', () => {
    expect(allows([timed], 'cluster.get', place, now, 2_000)).toBe(true);
    expect(allows([timed], 'cluster.get', place, now, 2_001)).toBe(false);
    expect(allows([timed, grant('org_1')], 'cluster.get', place, now, Infinity)).toBe(true);
  });
});

describe('a narrowed credential', () => {
  const narrowed = (bounds: Grant['bounds']): Grant[] => [{ ...grant('org_1', Role.OPERATOR), bounds }];

  test('has what it is narrowed to of what its subject has', () => {
    const held = narrowed({ permissions: new Set(['cluster.get', 'template.create']), scopeIds: ['prj_1'] });
    expect(allows(held, 'cluster.get', cluster, now)).toBe(true);
    expect(allows(held, 'cluster.delete', cluster, now)).toBe(false);
    expect(allows(held, 'template.create', place, now)).toBe(false);
    expect(allows(held, 'cluster.get', { orgId: 'org_1', workspaceId: 'wks_1', projectId: 'prj_2' }, now)).toBe(false);
    expect(reaches(held, { orgId: 'org_1' }, now)).toBe(false);
  });

  test('is denied what its subject is denied, also outside of what it is narrowed to', () => {
    const [held] = narrowed({ scopeIds: ['clu_1'] });
    if (held === undefined) throw new Error('no grant');
    expect(allows([held, deny({ ...held, role: Role.VIEWER })], 'cluster.get', cluster, now)).toBe(false);
  });
});

describe('a list', () => {
  test('shows everything to who holds it at the place, but what is denied', () => {
    const held = [grant('org_1'), deny({ ...grant('prj_2'), workspaceId: 'wks_1', projectId: 'prj_2' })];
    expect(viewOf(held, 'project.list', { orgId: 'org_1' }, now)).toEqual({
      everything: true,
      only: ['org_1'],
      except: ['prj_2'],
    });
  });

  test('shows nothing to whom it is denied at its place or above, whatever they were given below', () => {
    const given = { ...grant('clu_1'), workspaceId: 'wks_1', projectId: 'prj_1' };
    for (const at of ['org_1', 'wks_1', 'prj_1'])
      expect(viewOf([given, deny(grant(at))], 'cluster.list', place, now), at).toMatchObject({
        everything: false,
        only: [],
      });
    expect(holdsBelow([given, deny(grant('prj_1'))], 'cluster.list', place, now)).toBe(false);
  });

  test('shows to who holds it further down what they hold it for', () => {
    const held = [{ ...grant('clu_1'), workspaceId: 'wks_1', projectId: 'prj_1' }, grant('prj_2')];
    expect(viewOf(held, 'cluster.list', place, now)).toEqual({ everything: false, only: ['clu_1'], except: [] });
    expect(holdsBelow(held, 'cluster.list', place, now)).toBe(true);
    expect(holdsBelow([grant('prj_2')], 'cluster.list', place, now)).toBe(false);
    expect(holdsBelow([custom('clu_1', 'server.start')], 'cluster.list', place, now)).toBe(false);
  });
});

describe('what an organization shares', () => {
  const org = { orgId: 'org_1' };
  const project = `prj_${'0'.repeat(26)}`;
  const at = (scopeId: string, more: Partial<Grant> = {}): Grant => ({
    role: Role.VIEWER,
    scopeId,
    orgId: 'org_1',
    ...more,
  });

  test('is for who holds the permission at a workspace or project of it', () => {
    expect(holdsInPart([at(project)], 'template.list', org, now)).toBe(true);
    expect(holdsInPart([at(`wks_${'0'.repeat(26)}`)], 'template.list', org, now)).toBe(true);
    expect(holdsInPart([at(project)], 'template.create', org, now)).toBe(false);
    expect(holdsInPart([at(`clu_${'0'.repeat(26)}`)], 'template.list', org, now)).toBe(false);
    expect(holdsInPart([{ ...at(project), orgId: 'org_2' }], 'template.list', org, now)).toBe(false);
    expect(holdsInPart([at(project, { expiresAt: now })], 'template.list', org, now)).toBe(false);
  });

  test('is for nobody to whom it is denied there, or at the one place where they hold it', () => {
    const denied = (scopeId: string): Grant => at(scopeId, { deny: true });
    expect(holdsInPart([at(project), denied('org_1')], 'template.list', org, now)).toBe(false);
    expect(holdsInPart([at(project), denied(project)], 'template.list', org, now)).toBe(false);
    const agent = { ...org, resourceIds: ['agt_1'] };
    expect(holdsInPart([at(project), denied('agt_1')], 'agent.get', agent, now)).toBe(false);
  });

  test('is for a key that is narrowed to a project of what its account has', () => {
    const narrowed = at('org_1', { bounds: { scopeIds: [project], permissions: new Set(['template.list']) } });
    expect(holdsInPart([narrowed], 'template.list', org, now)).toBe(true);
    expect(holdsInPart([narrowed], 'template.get', org, now)).toBe(false);
  });
});
