import { Code } from '@connectrpc/connect';
import { Role } from '@truffle/api/tenant/v1/account';
import { testSite, until, type TestSite } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { source } from './contract.fixture.ts';
import { emailOf, password, startControlPlane, type ControlPlane, type Owner } from './control-plane.fixture.ts';

let plane: ControlPlane;
let owner: Owner;
let site: TestSite;
let memberToken: string;
let keySecret: string;
const client = (token?: string) => plane.host.client(token);
const remove = (token: string, name = 'ends') =>
  client(token).organizations.deleteOrganization({ orgId: owner.orgId, name });

beforeAll(async () => {
  plane = await startControlPlane('stays');
  owner = await plane.signUp('ends');
  const { client: api, orgId } = owner;
  site = await testSite({ client: api, url: plane.host.url, orgId });
  await plane.signUp('member');
  await api.members.setBinding({ scopeId: orgId, email: emailOf('member'), role: Role.ADMIN });
  memberToken = (await client().accounts.signIn({ email: emailOf('member'), password })).sessionToken;
  keySecret = (await api.apiKeys.createApiKey({ scopeId: orgId, name: 'ci', role: Role.VIEWER })).secret;
}, 120_000);

afterAll(async () => {
  await site?.close();
  await plane?.close();
}, 60_000);

describe('an organization', () => {
  it('is deleted by its owners alone, by its name, with a fresh proof', async () => {
    await expect(remove(memberToken)).rejects.toMatchObject({ code: Code.PermissionDenied });
    await expect(remove(plane.owner.token)).rejects.toMatchObject({ code: Code.NotFound });
    await expect(remove(owner.token, 'stays')).rejects.toMatchObject({ code: Code.FailedPrecondition });
    const stale = `update tenant.session set authenticated_at = now() - interval '1 hour' where user_id = (select id from tenant.user where email = $1)`;
    await until('a proof to be due', async () => {
      await plane.database.admin.query(stale, [emailOf('ends')]);
      return remove(owner.token).then(
        () => false,
        (error: unknown) => String(error).includes('prove again'),
      );
    });
    const proof = { proof: { case: 'password', value: password } } as const;
    const { sessionToken } = await client(owner.token).sessions.stepUp({ proof });
    owner = { ...owner, token: sessionToken, client: client(sessionToken) };
  });

  it('is kept while it has clusters or agents, and says which', async () => {
    const { client: api, orgId, projectId } = owner;
    const { version } = await api.templates.createTemplateVersion({ orgId, source });
    const spec = { name: 'last-one', agentId: site.agentId, templateVersionId: version?.id ?? '' };
    const { cluster, operation } = await api.clusters.createCluster({ projectId, spec });
    for await (const _ of api.operations.watchOperation({ operationId: operation?.id ?? '' }));
    const { agents } = await api.agents.listAgents({ orgId });
    await expect(remove(owner.token)).rejects.toThrow(
      `the organization has 1 cluster (last-one) and 1 agent (${agents[0]?.name ?? ''}); delete them first`,
    );
    const deleting = await api.clusters.deleteCluster({ clusterId: cluster?.id ?? '', revision: 0n });
    for await (const _ of api.operations.watchOperation({ operationId: deleting.operation?.id ?? '' }));
    await expect(remove(owner.token)).rejects.toThrow(/has 1 agent/);
    await client(keySecret).organizations.getOrganization({ orgId });
  }, 120_000);

  it('is gone for everybody once it is empty; its people sign in still, and its trail is kept', async () => {
    const { client: api, orgId, projectId } = owner;
    const { agents } = await api.agents.listAgents({ orgId });
    await api.agents.deleteAgent({ agentId: site.agentId, revision: agents[0]?.revision ?? 0n });
    const joining = await api.agents.createJoinToken({ orgId, agentName: 'late' });
    await remove(owner.token);
    const unseen = { code: Code.NotFound };
    for (const [who, token] of [
      ['the owner', owner.token],
      ['a member', memberToken],
    ] as const)
      await until(`${who} finds nothing`, () =>
        client(token)
          .organizations.getOrganization({ orgId })
          .then(
            () => false,
            (error: { code?: Code }) => error.code === Code.NotFound,
          ),
      );
    await until('the key is refused', () =>
      client(keySecret)
        .accounts.whoAmI({})
        .then(
          () => false,
          (error: { code?: Code }) => error.code === Code.Unauthenticated,
        ),
    );
    const { sessionToken } = await client().accounts.signIn({ email: emailOf('ends'), password });
    const again = client(sessionToken);
    expect((await again.organizations.listOrganizations({})).organizations).toEqual([]);
    await expect(again.clusters.listClusters({ projectId })).rejects.toMatchObject(unseen);
    await expect(remove(sessionToken)).rejects.toMatchObject(unseen);
    // Nobody joins what is gone, and nobody takes its name for it.
    const { rows: tokens } = await plane.database.admin.query(
      'select revoked_at is not null as ended from agent_gateway.join_token where org_id = $1 and used_at is null',
      [orgId],
    );
    expect(joining.token).not.toBe('');
    expect(tokens).toEqual([{ ended: true }]);
    await expect(again.organizations.createOrganization({ name: 'ends' })).rejects.toMatchObject({
      code: Code.AlreadyExists,
    });
    const { rows: events } = await plane.database.admin.query(
      `select type from ledger.event where org_id = $1 and type like '%organization.deleted%'`,
      [orgId],
    );
    expect(events).toHaveLength(1);
    // What is theirs elsewhere is not touched, and who has nothing left may begin anew, or go.
    await again.organizations.createOrganization({ name: 'begins-anew' });
    const member = client(memberToken);
    expect((await member.organizations.listOrganizations({})).organizations.map((each) => each.name)).toEqual([
      'member',
    ]);
  }, 60_000);
});
