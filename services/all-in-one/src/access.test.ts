import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import type { TruffleClient } from '@truffle/api';
import { AccessVerdict } from '@truffle/api/tenant/v1/access';
import { Effect, Role } from '@truffle/api/tenant/v1/account';
import { ErrorInfoSchema } from '@truffle/api/google/rpc/error_details';
import { knownPermissions } from '@truffle/kit';
import { testSite, until, type TestSite } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { source } from './contract.fixture.ts';
import { startControlPlane, type ControlPlane, type Owner } from './control-plane.fixture.ts';

let plane: ControlPlane;
let site: TestSite;
let owner: TruffleClient;
let guest: Owner;
let orgId: string;
let projectId: string;
let otherProjectId: string;
let clusterId: string;
let otherClusterId: string;
let serverId: string;
let names = 0;

beforeAll(async () => {
  plane = await startControlPlane('founder');
  const { client, workspaceId } = plane.owner;
  owner = client;
  ({ orgId, projectId } = plane.owner);
  guest = await plane.signUp('guest');
  const { project } = await owner.projects.createProject({ workspaceId, name: 'other' });
  otherProjectId = project?.id ?? '';
  const { version } = await owner.templates.createTemplateVersion({ orgId, source });
  site = await testSite({ client: owner, url: plane.host.url, orgId });
  const make = async (name: string): Promise<string> => {
    const spec = { name, agentId: site.agentId, templateVersionId: version?.id ?? '' };
    const { cluster, operation } = await owner.clusters.createCluster({ projectId, spec });
    for await (const _ of owner.operations.watchOperation({ operationId: operation?.id ?? '' }));
    return cluster?.id ?? '';
  };
  clusterId = await make('first');
  otherClusterId = await make('second');
  serverId = (await owner.servers.listServers({ clusterId })).servers[0]?.id ?? '';
}, 120_000);

afterAll(async () => {
  await site?.close();
  await plane?.close();
}, 60_000);

const freshName = (): string => `thing-${(names += 1)}`;
const account = async (): Promise<string> =>
  (await owner.serviceAccounts.createServiceAccount({ orgId, name: freshName() })).serviceAccount?.id ?? '';

interface Program {
  readonly id: string;
  readonly subject: string;
  readonly client: TruffleClient;
}

/** A service account with a key, which was given nothing yet. */
async function program(
  narrowed: { readonly permissions?: string[]; readonly scopeIds?: string[] } = {},
): Promise<Program> {
  const id = await account();
  const { secret } = await owner.apiKeys.createApiKey({
    scopeId: orgId,
    name: 'key',
    serviceAccountId: id,
    ...narrowed,
  });
  return { id, subject: `service_account:${id}`, client: plane.host.client(secret) };
}

const statusOf = (work: Promise<unknown>): Promise<ConnectError | undefined> =>
  work.then(
    () => undefined,
    (error: unknown) => ConnectError.from(error),
  );
const codeOf = async (work: Promise<unknown>): Promise<Code | undefined> => (await statusOf(work))?.code;
const reasonOf = async (work: Promise<unknown>): Promise<string | undefined> =>
  (await statusOf(work))?.findDetails(ErrorInfoSchema)[0]?.reason;

/** A change of roles is heard of by the bell, at the latest after 5 s. */
const soon = (what: string, work: () => Promise<unknown>, expected: Code | undefined): Promise<unknown> =>
  until(what, async () => (await codeOf(work())) === expected, 5_000);

describe('a custom role', () => {
  it('gives what it is made of where it is bound, and follows its changes', async () => {
    const permissions = ['cluster.get', 'cluster.list', 'server.get', 'server.list'];
    const { role } = await owner.roles.createRole({ orgId, name: freshName(), permissions });
    const roleId = role?.id ?? '';
    const { client, subject } = await program();
    await owner.members.setBinding({ scopeId: projectId, subject, roleId });
    await soon('the role to hold', () => client.clusters.getCluster({ clusterId }), undefined);
    expect((await client.servers.listServers({ clusterId })).servers).toHaveLength(1);
    expect(await codeOf(client.clusters.deleteCluster({ clusterId }))).toBe(Code.PermissionDenied);
    // What it may not read is not there.
    expect(await codeOf(client.agents.getAgent({ agentId: site.agentId }))).toBe(Code.NotFound);
    expect(await codeOf(client.clusters.listClusters({ projectId: otherProjectId }))).toBe(Code.NotFound);
    await owner.roles.updateRole({ roleId, permissions: ['cluster.get'], revision: 1n });
    await soon('the change to hold', () => client.servers.listServers({ clusterId }), Code.PermissionDenied);
    const stale = owner.roles.updateRole({ roleId, permissions: ['cluster.get'], revision: 1n });
    expect(await reasonOf(stale)).toBe('STALE_REVISION');
  });

  it('is refused with an unknown permission, a taken name, and in use when it is deleted', async () => {
    const name = freshName();
    const { role } = await owner.roles.createRole({ orgId, name, permissions: ['cluster.get'] });
    const wrong = owner.roles.createRole({ orgId, name: freshName(), permissions: ['cluster.get', 'cluster.fly'] });
    await expect(wrong).rejects.toThrow(/permissions\[1\].*"cluster\.fly"/);
    const again = owner.roles.createRole({ orgId, name, permissions: ['cluster.get'] });
    expect(await codeOf(again)).toBe(Code.AlreadyExists);
    const { subject } = await program();
    const roleId = role?.id ?? '';
    const { binding } = await owner.members.setBinding({ scopeId: projectId, subject, roleId });
    await expect(owner.roles.deleteRole({ roleId })).rejects.toThrow(/in 1 binding\(s\)/);
    await owner.members.deleteBinding({ bindingId: binding?.id ?? '' });
    await owner.roles.deleteRole({ roleId });
    expect((await owner.roles.listRoles({ orgId })).roles.map((each) => each.id)).not.toContain(roleId);
  });

  it('is made, changed and given only by who has all of it', async () => {
    const permissions = ['organization.secure'];
    const { role } = await owner.roles.createRole({ orgId, name: freshName(), permissions });
    const { client: admin, subject } = await program();
    await owner.members.setBinding({ scopeId: orgId, subject, role: Role.ADMIN });
    await soon('the role to hold', () => admin.roles.listRoles({ orgId }), undefined);
    const roleId = role?.id ?? '';
    const works = [
      admin.roles.createRole({ orgId, name: freshName(), permissions }),
      admin.roles.updateRole({ roleId, permissions: ['cluster.get'] }),
      admin.members.setBinding({ scopeId: orgId, subject, roleId }),
      admin.members.setBinding({ scopeId: orgId, subject, role: Role.OWNER }),
    ];
    expect(new Set(await Promise.all(works.map(codeOf)))).toEqual(new Set([Code.PermissionDenied]));
  });
});

describe('what denies', () => {
  it('wins over a role from above, also through a group, until it is taken away', async () => {
    const { client, subject } = await program();
    const { group } = await owner.groups.createGroup({ orgId, name: freshName() });
    await owner.members.setBinding({ scopeId: orgId, subject, role: Role.OPERATOR });
    await owner.groups.addGroupMember({ groupId: group?.id ?? '', subject });
    await soon('the role to hold', () => client.clusters.getCluster({ clusterId }), undefined);
    const deny = { subject: `group:${group?.id}`, role: Role.OPERATOR, effect: Effect.DENY };
    const { binding } = await owner.members.setBinding({ scopeId: clusterId, ...deny });
    await soon('the denial to hold', () => client.clusters.getCluster({ clusterId }), Code.NotFound);
    expect(await codeOf(client.servers.getServer({ serverId }))).toBe(Code.NotFound);
    expect(await codeOf(client.clusters.getCluster({ clusterId: otherClusterId }))).toBe(undefined);
    const { clusters } = await client.clusters.listClusters({ projectId });
    expect(clusters.map((each) => each.id)).toEqual([otherClusterId]);
    const why = await owner.access.explainAccess({ subject, permission: 'cluster.get', resourceId: clusterId });
    expect(why.allowed).toBe(false);
    expect(why.reasons[0]).toMatchObject({ verdict: AccessVerdict.DENIES, groupName: group?.name });
    await owner.members.deleteBinding({ bindingId: binding?.id ?? '' });
    await soon('the cluster to be back', () => client.clusters.getCluster({ clusterId }), undefined);
  });

  it('hides a project from lists, and cannot lock the last owner out', async () => {
    const { client, subject } = await program();
    await owner.members.setBinding({ scopeId: orgId, subject, role: Role.VIEWER });
    await owner.members.setBinding({ scopeId: otherProjectId, subject, role: Role.VIEWER, effect: Effect.DENY });
    await soon('the denial to hold', () => client.projects.getProject({ projectId: otherProjectId }), Code.NotFound);
    const { projects } = await client.projects.listProjects({ orgId });
    expect(projects.map((each) => each.id)).toEqual([projectId]);
    const me = `user:${(await owner.accounts.whoAmI({})).user?.id}`;
    const deny = { scopeId: orgId, role: Role.OWNER, effect: Effect.DENY };
    expect(await reasonOf(owner.members.setBinding({ ...deny, subject: me }))).toBe('LAST_OWNER');
    expect(await reasonOf(owner.members.setBinding({ ...deny, scopeId: projectId, subject: me }))).toBe('LAST_OWNER');
    // What denies the last owner less than that, the last owner undoes.
    const self = { scopeId: orgId, subject: me, role: Role.VIEWER, effect: Effect.DENY };
    const { binding } = await owner.members.setBinding(self);
    await soon('the denial to hold', () => owner.projects.getProject({ projectId }), Code.NotFound);
    await owner.members.deleteBinding({ bindingId: binding?.id ?? '' });
    await soon('the project to be back', () => owner.projects.getProject({ projectId }), undefined);
    const { group } = await owner.groups.createGroup({ orgId, name: freshName() });
    const groupId = group?.id ?? '';
    await owner.members.setBinding({ ...deny, subject: `group:${groupId}` });
    expect(await reasonOf(owner.groups.addGroupMember({ groupId, subject: me }))).toBe('LAST_OWNER');
  });
});

describe('a role with times', () => {
  it('holds between them alone, beside one for good', async () => {
    const { client, subject } = await program();
    await owner.members.setBinding({ scopeId: projectId, subject, role: Role.VIEWER });
    const startsAt = timestampFromMs(Date.now() + 2_000);
    const expiresAt = timestampFromMs(Date.now() + 4_000);
    const timed = { scopeId: projectId, subject, role: Role.OPERATOR, startsAt, expiresAt };
    const { binding } = await owner.members.setBinding(timed);
    // Refused for its revision: the permission is asked for before.
    const change = () => client.clusters.deleteCluster({ clusterId, revision: 999_999n });
    await soon('the first role to hold', () => client.clusters.getCluster({ clusterId }), undefined);
    expect(await codeOf(change())).toBe(Code.PermissionDenied);
    await soon('the time to begin', change, Code.Aborted);
    await soon('the time to end', change, Code.PermissionDenied);
    expect(await codeOf(client.clusters.getCluster({ clusterId }))).toBe(undefined);
    const why = await owner.access.explainAccess({ subject, permission: 'cluster.delete', resourceId: clusterId });
    expect(why.reasons[0]).toMatchObject({ binding: { id: binding?.id }, verdict: AccessVerdict.EXPIRED });
    expect(why.summary).toMatch(/had it until/);
  });

  it('is given by nobody for longer than they have it', async () => {
    const { client: admin, subject } = await program();
    const expiresAt = timestampFromMs(Date.now() + 60_000);
    await owner.members.setBinding({ scopeId: orgId, subject, role: Role.ADMIN, expiresAt });
    await soon('the role to hold', () => admin.roles.listRoles({ orgId }), undefined);
    const other = await program();
    const wanted = { scopeId: projectId, subject: other.subject, role: Role.VIEWER };
    expect(await codeOf(admin.members.setBinding(wanted))).toBe(Code.PermissionDenied);
    expect(await codeOf(admin.members.setBinding({ ...wanted, expiresAt }))).toBe(undefined);
    const past = timestampFromMs(Date.now() - 1);
    expect(await codeOf(owner.members.setBinding({ ...wanted, expiresAt: past }))).toBe(Code.InvalidArgument);
  });
});

describe('a role at one resource', () => {
  it('holds for that and its parts, and lists show that alone', async () => {
    const { client, subject } = await program();
    await owner.members.setBinding({ scopeId: clusterId, subject, role: Role.OPERATOR });
    await soon('the role to hold', () => client.clusters.getCluster({ clusterId }), undefined);
    expect(await codeOf(client.servers.getServer({ serverId }))).toBe(undefined);
    expect(await codeOf(client.clusters.getCluster({ clusterId: otherClusterId }))).toBe(Code.NotFound);
    const { operations } = await client.operations.listOperations({ projectId });
    expect([...new Set(operations.map((each) => each.clusterId))]).toEqual([clusterId]);
    const { clusters } = await client.clusters.listClusters({ projectId });
    expect(clusters.map((each) => each.id)).toEqual([clusterId]);
    expect(await codeOf(client.clusters.listClusters({ projectId: otherProjectId }))).toBe(Code.NotFound);
  });
  it('is denied at one server or cluster: no list shows it', async () => {
    const { client, subject } = await program();
    await owner.members.setBinding({ scopeId: projectId, subject, role: Role.VIEWER });
    const denial = { subject, role: Role.VIEWER, effect: Effect.DENY };
    await owner.members.setBinding({ ...denial, scopeId: serverId });
    const listed = async () => (await client.servers.listServers({ clusterId })).servers.map((each) => each.id);
    await until('the denial to hold', async () => !(await listed().catch(() => [serverId])).includes(serverId));
    await owner.members.setBinding({ ...denial, scopeId: clusterId });
    await soon('the denial to hold', () => client.clusters.getCluster({ clusterId }), Code.NotFound);
    const { operations } = await client.operations.listOperations({ projectId });
    expect([...new Set(operations.map((each) => each.clusterId))]).toEqual([otherClusterId]);
  });

  it('is given at an agent, and at nothing of another organization', async () => {
    const { client, subject } = await program();
    await owner.members.setBinding({ scopeId: site.agentId, subject, role: Role.VIEWER });
    await soon('the role to hold', () => client.agents.getAgent({ agentId: site.agentId }), undefined);
    expect((await client.agents.listAgents({ orgId })).agents).toHaveLength(1);
    expect(await codeOf(client.organizations.getOrganization({ orgId }))).toBe(Code.NotFound);
    const foreign = { subject: `service_account:${await account()}`, role: Role.VIEWER };
    expect(await codeOf(guest.client.members.setBinding({ scopeId: clusterId, ...foreign }))).toBe(Code.NotFound);
    expect(await codeOf(guest.client.members.setBinding({ scopeId: guest.orgId, ...foreign }))).toBe(Code.NotFound);
  });
});

describe('a group', () => {
  it('gives its members what it has, and takes it when they leave or it goes', async () => {
    const { group } = await owner.groups.createGroup({ orgId, name: freshName() });
    const groupId = group?.id ?? '';
    await owner.members.setBinding({ scopeId: projectId, subject: `group:${groupId}`, role: Role.VIEWER });
    const [one, two] = [await program(), await program()];
    for (const { subject } of [one, two, two]) await owner.groups.addGroupMember({ groupId, subject });
    expect((await owner.groups.listGroupMembers({ groupId })).members).toHaveLength(2);
    await soon('the group to hold', () => one.client.clusters.getCluster({ clusterId }), undefined);
    await owner.groups.removeGroupMember({ groupId, subject: one.subject });
    await soon('the group to be left', () => one.client.clusters.getCluster({ clusterId }), Code.NotFound);
    expect(await codeOf(two.client.clusters.getCluster({ clusterId }))).toBe(undefined);
    await owner.groups.deleteGroup({ groupId });
    await soon('the group to be gone', () => two.client.clusters.getCluster({ clusterId }), Code.NotFound);
  });

  it('takes in members alone, by who has all that it has; who is no member any more leaves it', async () => {
    const { group } = await owner.groups.createGroup({ orgId, name: freshName() });
    const groupId = group?.id ?? '';
    const email = 'guest@example.com';
    expect(await codeOf(owner.groups.addGroupMember({ groupId, email }))).toBe(Code.NotFound);
    const { binding } = await owner.members.setBinding({ scopeId: projectId, email, role: Role.VIEWER });
    await owner.groups.addGroupMember({ groupId, email });
    await owner.members.setBinding({ scopeId: orgId, subject: `group:${groupId}`, role: Role.OWNER });
    const { client: admin, subject } = await program();
    await owner.members.setBinding({ scopeId: orgId, subject, role: Role.ADMIN });
    await soon('the role to hold', () => admin.roles.listRoles({ orgId }), undefined);
    expect(await codeOf(admin.groups.addGroupMember({ groupId, subject }))).toBe(Code.PermissionDenied);
    expect(await codeOf(admin.groups.deleteGroup({ groupId }))).toBe(Code.PermissionDenied);
    await soon('the group to hold', () => guest.client.organizations.getOrganization({ orgId }), undefined);
    await owner.members.deleteBinding({ bindingId: binding?.id ?? '' });
    expect((await owner.groups.listGroupMembers({ groupId })).members).toEqual([]);
    await soon('the guest to be out', () => guest.client.organizations.getOrganization({ orgId }), Code.NotFound);
  });
});

describe("a service account's key", () => {
  it('is narrowed to permissions and places of what the account has', async () => {
    const { client, subject } = await program({ permissions: ['cluster.get', 'cluster.list'], scopeIds: [clusterId] });
    await owner.members.setBinding({ scopeId: orgId, subject, role: Role.OPERATOR });
    await soon('the role to hold', () => client.clusters.getCluster({ clusterId }), undefined);
    expect(await codeOf(client.clusters.deleteCluster({ clusterId }))).toBe(Code.PermissionDenied);
    expect(await codeOf(client.clusters.getCluster({ clusterId: otherClusterId }))).toBe(Code.NotFound);
    expect(await codeOf(client.agents.getAgent({ agentId: site.agentId }))).toBe(Code.NotFound);
    const why = await client.access.explainOwnAccess({ permission: 'cluster.delete', resourceId: clusterId });
    expect(why).toMatchObject({ allowed: false, reasons: [{ verdict: AccessVerdict.NARROWED }] });
  });

  it('ends within 5 s of the account being disabled, and for good when it is deleted', async () => {
    const { client, id: serviceAccountId, subject } = await program();
    await owner.members.setBinding({ scopeId: projectId, subject, role: Role.VIEWER });
    await soon('the key to be good', () => client.clusters.getCluster({ clusterId }), undefined);
    const { serviceAccount } = await owner.serviceAccounts.updateServiceAccount({ serviceAccountId, disabled: true });
    await soon('the key to be refused', () => client.accounts.whoAmI({}), Code.Unauthenticated);
    const { revision = 0n } = serviceAccount ?? {};
    await owner.serviceAccounts.updateServiceAccount({ serviceAccountId, disabled: false, revision });
    await soon('the key to be good again', () => client.clusters.getCluster({ clusterId }), undefined);
    await owner.serviceAccounts.deleteServiceAccount({ serviceAccountId });
    await soon('the key to be gone', () => client.accounts.whoAmI({}), Code.Unauthenticated);
  });

  it('is rotated: the old secret stays good for the overlap, and tells from where it was used', async () => {
    const serviceAccountId = await account();
    const made = await owner.apiKeys.createApiKey({ scopeId: orgId, name: 'ci', serviceAccountId });
    const apiKeyId = made.apiKey?.id ?? '';
    const second = await owner.apiKeys.rotateApiKey({ apiKeyId, overlap: { seconds: 3n } });
    expect(second.apiKey).toMatchObject({ hint: second.secret.slice(0, 10), previousHint: made.secret.slice(0, 10) });
    const [before, after] = [plane.host.client(made.secret), plane.host.client(second.secret)];
    expect((await before.accounts.whoAmI({})).apiKey?.id).toBe(apiKeyId);
    expect((await after.accounts.whoAmI({})).apiKey?.lastUsedAddress).toMatch(/127\.0\.0\.1|::1/);
    await until('the overlap to end', async () => (await codeOf(before.accounts.whoAmI({}))) !== undefined, 10_000);
    const third = await owner.apiKeys.rotateApiKey({ apiKeyId });
    await soon('the second secret to end', () => after.accounts.whoAmI({}), Code.Unauthenticated);
    expect(third.apiKey?.previousUntil).toBe(undefined);
    await owner.apiKeys.revokeApiKey({ apiKeyId });
    expect(await reasonOf(owner.apiKeys.rotateApiKey({ apiKeyId }))).toBe('KEY_ENDED');
  });

  it('is made by nobody who has less than the account', async () => {
    const { client: admin, subject } = await program();
    await owner.members.setBinding({ scopeId: orgId, subject, role: Role.ADMIN });
    const strong = await program();
    await owner.members.setBinding({ scopeId: orgId, subject: strong.subject, role: Role.OWNER });
    await soon('the role to hold', () => admin.roles.listRoles({ orgId }), undefined);
    const wanted = { scopeId: orgId, name: 'more', serviceAccountId: strong.id };
    expect(await codeOf(admin.apiKeys.createApiKey(wanted))).toBe(Code.PermissionDenied);
    expect(await codeOf(owner.apiKeys.createApiKey({ ...wanted, role: Role.VIEWER }))).toBe(Code.InvalidArgument);
    expect(await codeOf(owner.apiKeys.createApiKey({ ...wanted, scopeIds: [guest.projectId] }))).toBe(Code.NotFound);
  });
});

describe('questions', () => {
  it('name every permission with what it lets do', async () => {
    const { permissions } = await owner.access.listPermissions({});
    expect(permissions.map((each) => each.name)).toEqual([...knownPermissions()].toSorted());
    for (const { name, sentences } of permissions) for (const said of sentences) expect(said, name).toMatch(/\w.*\.$/);
  });

  it('are answered about oneself, and about others only with the permission', async () => {
    const { client, subject } = await program();
    await owner.members.setBinding({ scopeId: projectId, subject, role: Role.VIEWER });
    await soon('the role to hold', () => client.clusters.getCluster({ clusterId }), undefined);
    const own = await client.access.explainOwnAccess({ permission: 'cluster.get', resourceId: serverId });
    expect(own).toMatchObject({ allowed: true, reasons: [{ roleName: 'viewer', verdict: AccessVerdict.ALLOWS }] });
    const not = await client.access.explainOwnAccess({ permission: 'cluster.delete', resourceId: clusterId });
    expect(not.summary).toMatch(/^you may not cluster\.delete on clu_.*none of their roles there has it/);
    for (const resourceId of [otherProjectId, guest.projectId])
      expect(await codeOf(client.access.explainOwnAccess({ permission: 'cluster.get', resourceId }))).toBe(
        Code.NotFound,
      );
    const about = { subject, permission: 'cluster.get', resourceId: clusterId };
    expect(await codeOf(client.access.explainAccess(about))).toBe(Code.PermissionDenied);
    expect(await codeOf(guest.client.access.explainAccess(about))).toBe(Code.NotFound);
    const unknown = owner.access.explainAccess({ ...about, permission: 'cluster.fly' });
    expect(await codeOf(unknown)).toBe(Code.InvalidArgument);
    await expect(client.clusters.deleteCluster({ clusterId })).rejects.toThrow(
      new RegExp(`permission cluster\\.delete on ${clusterId}.*truffle access explain cluster\\.delete ${clusterId}`),
    );
  });

  it('list who may, page after page, each as the permission check decides', async () => {
    const denied = await program();
    await owner.members.setBinding({ scopeId: orgId, subject: denied.subject, role: Role.OPERATOR });
    const deny = { subject: denied.subject, role: Role.OPERATOR, effect: Effect.DENY };
    await owner.members.setBinding({ scopeId: projectId, ...deny });
    const allowed = await program();
    await owner.members.setBinding({ scopeId: clusterId, subject: allowed.subject, role: Role.OPERATOR });
    const question = { permission: 'cluster.delete', resourceId: clusterId };
    const found: string[] = [];
    let token = '';
    do {
      const answer = await owner.access.whoCan({ ...question, page: { size: 2, token } });
      expect(answer.holders.length).toBeLessThanOrEqual(2);
      found.push(...answer.holders.map((each) => each.subject));
      token = answer.page?.next ?? '';
    } while (token !== '');
    expect(found).toEqual([...new Set(found)].toSorted());
    expect(found).toContain(allowed.subject);
    expect(found).not.toContain(denied.subject);
    expect(found).toContain(`user:${(await owner.accounts.whoAmI({})).user?.id}`);
    for (const subject of found)
      expect(await owner.access.explainAccess({ ...question, subject })).toMatchObject({ allowed: true });
  });
});
