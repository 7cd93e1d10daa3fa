import { generateKeyPairSync } from 'node:crypto';
import { createRouterTransport } from '@connectrpc/connect';
import { Role } from '@truffle/api/tenant/v1/account';
import { IdentityService } from '@truffle/api/tenant/v1/identity_service';
import { newId } from '@truffle/ids';
import { beforeEach, describe, expect, test } from 'vitest';
import { Authorizer } from './authorize.ts';
import { nobody, type Caller } from './caller.ts';
import { Peers } from './peers.ts';
import { NotFoundProblem, PermissionProblem } from './problem.ts';
import { contextHeader, ServiceKeys } from './service-context.ts';
import { EnrolmentRequiredProblem } from './step-up.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519', {
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});
const keys = new ServiceKeys('orchestration', privateKey, { orchestration: publicKey });

const orgId = newId('org');
const otherOrgId = newId('org');
const workspaceId = newId('wks');
const projectId = newId('prj');
const clusterId = newId('clu');

/** Organizations that the tenant service was asked under, one for each question. */
let asked: string[];
let looked: string[];
let now: number;
let authorizer: Authorizer;

beforeEach(() => {
  asked = [];
  looked = [];
  now = 1_000;
  const tenant = createRouterTransport((router) =>
    router.service(IdentityService, {
      async resolveScopes({ scopeIds }, context) {
        const about = await new ServiceKeys('tenant', privateKey, { orchestration: publicKey }).verify(
          context.requestHeader.get(contextHeader) ?? '',
        );
        asked.push(about.orgId);
        const known = about.orgId === orgId && scopeIds.some((id) => id === workspaceId || id === projectId);
        return { chains: known ? [{ orgId, workspaceId, projectId: scopeIds[0] === projectId ? projectId : '' }] : [] };
      },
    }),
  );
  const scopes = {
    clu: async (org: string, id: string) => {
      looked.push(org);
      return org === orgId && id === clusterId ? { projectId } : undefined;
    },
  };
  authorizer = new Authorizer(new Peers(keys, () => tenant), scopes, () => now);
});

const caller = (...bindings: Caller['bindings']): Caller => ({
  ...nobody,
  subject: 'user:usr_1',
  requestId: 'req_12345678',
  bindings,
});
const at = (scopeId: string, role = Role.VIEWER, org = orgId) => ({ orgId: org, scopeId, role });

describe('authorizing', () => {
  test('finds the place of a resource by its own service and of its project by tenant', async () => {
    expect(await authorizer.authorize(caller(at(workspaceId)), 'cluster.get', clusterId)).toEqual({
      orgId,
      workspaceId,
      projectId,
      resourceIds: [clusterId],
    });
    expect(await authorizer.authorize(caller(at(orgId)), 'event.list', orgId)).toEqual({ orgId });
  });

  test('says that only the permission is missing to who may see the resource', async () => {
    await expect(authorizer.authorize(caller(at(projectId)), 'cluster.create', clusterId)).rejects.toBeInstanceOf(
      PermissionProblem,
    );
  });

  test('tells who has no second factor what is missing, and only where one would let them in', async () => {
    const waiting = { ...caller(), withheld: [at(orgId)] };
    await expect(authorizer.authorize(waiting, 'cluster.get', clusterId)).rejects.toBeInstanceOf(
      EnrolmentRequiredProblem,
    );
    await expect(authorizer.authorize(waiting, 'event.list', otherOrgId)).rejects.toBeInstanceOf(NotFoundProblem);
    const both = { ...caller(at(otherOrgId, Role.VIEWER, otherOrgId)), withheld: [at(orgId)] };
    expect(await authorizer.authorize(both, 'event.list', otherOrgId)).toEqual({ orgId: otherOrgId });
  });

  test.each([
    ["another organization's", caller(at(otherOrgId, Role.OWNER, otherOrgId)), clusterId],
    ["another organization's, by a binding that names ours", caller(at(orgId, Role.OWNER, otherOrgId)), clusterId],
    ['one of a project that the caller is not in', caller(at(newId('prj'), Role.OWNER)), clusterId],
    ['the organization itself of who is only in a project', caller(at(projectId, Role.OWNER)), orgId],
    ['one that is not there', caller(at(orgId, Role.OWNER)), newId('clu')],
    ['a project that is not there', caller(at(orgId, Role.OWNER)), newId('prj')],
    ['one of a kind that the service does not own', caller(at(orgId, Role.OWNER)), newId('tpl')],
    ['an id of no kind', caller(at(orgId, Role.OWNER)), 'zzz_1'],
    ['an empty id', caller(at(orgId, Role.OWNER)), ''],
    ['anything, to nobody', caller(), clusterId],
  ])('answers not found for %s', async (_, who, id) => {
    await expect(authorizer.authorize(who, 'cluster.get', id)).rejects.toBeInstanceOf(NotFoundProblem);
  });

  test('answers not found for what may not be read, whatever else may be done with it', async () => {
    const blind = { ...at(projectId, Role.UNSPECIFIED), permissions: new Set(['cluster.delete']) };
    await authorizer.authorize(caller(blind), 'cluster.delete', clusterId);
    await expect(authorizer.authorize(caller(blind), 'cluster.create', clusterId)).rejects.toBeInstanceOf(
      NotFoundProblem,
    );
    const denied = caller(at(orgId, Role.OWNER), { ...at(clusterId), deny: true });
    await expect(authorizer.authorize(denied, 'cluster.get', clusterId)).rejects.toBeInstanceOf(NotFoundProblem);
  });

  test('judges the time of a role at each call, not when it was heard of', async () => {
    const guest = caller({ ...at(orgId), startsAt: 2_000, expiresAt: 3_000 });
    await expect(authorizer.authorize(guest, 'cluster.get', clusterId)).rejects.toBeInstanceOf(NotFoundProblem);
    now = 2_000;
    await authorizer.authorize(guest, 'cluster.get', clusterId);
    now = 3_000;
    await expect(authorizer.authorize(guest, 'cluster.get', clusterId)).rejects.toBeInstanceOf(NotFoundProblem);
  });

  test('lets who has a role further down ask for a list of it, where the method shows each what is theirs', async () => {
    const guest = caller({ ...at(clusterId), workspaceId, projectId });
    expect(await authorizer.authorize(guest, 'cluster.list', projectId, { filtered: true })).toMatchObject({
      projectId,
    });
    await expect(authorizer.authorize(guest, 'cluster.list', projectId)).rejects.toBeInstanceOf(NotFoundProblem);
    await expect(authorizer.authorize(guest, 'cluster.create', projectId, { filtered: true })).rejects.toBeInstanceOf(
      NotFoundProblem,
    );
  });

  test("never looks under an organization that is not the caller's", async () => {
    await expect(
      authorizer.authorize(caller(at(otherOrgId, Role.OWNER, otherOrgId)), 'cluster.get', clusterId),
    ).rejects.toThrow();
    expect(new Set([...asked, ...looked])).toEqual(new Set([otherOrgId]));
  });

  test("keeps a project's place for 5 s, but not that it is missing", async () => {
    const who = caller(at(orgId));
    await authorizer.authorize(who, 'project.get', projectId);
    await authorizer.authorize(who, 'project.get', projectId);
    expect(asked.length).toBe(1);
    now += 5_001;
    await authorizer.authorize(who, 'project.get', projectId);
    expect(asked.length).toBe(2);
    const missing = newId('prj');
    for (let i = 0; i < 2; i++)
      await expect(authorizer.authorize(who, 'project.get', missing)).rejects.toBeInstanceOf(NotFoundProblem);
    expect(asked.length).toBe(4);
  });

  test('gives a cached place to nobody who may not reach it', async () => {
    await authorizer.authorize(caller(at(orgId)), 'project.get', projectId);
    await expect(
      authorizer.authorize(caller(at(otherOrgId, Role.OWNER, otherOrgId)), 'project.get', projectId),
    ).rejects.toBeInstanceOf(NotFoundProblem);
  });
});
