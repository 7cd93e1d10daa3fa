import { createPublicKey } from 'node:crypto';
import { verifyExport } from '@truffle/audit';
import { Role } from '@truffle/api/tenant/v1/account';
import { testSite, until, type TestSite } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { source } from './contract.fixture.ts';
import { emailOf, password, startControlPlane, type ControlPlane } from './control-plane.fixture.ts';

const email = 'vera.vanishing@example.com';
const name = 'Vera Vanishing';
let plane: ControlPlane;
let site: TestSite;

beforeAll(async () => {
  plane = await startControlPlane('keeper');
  site = await testSite({ client: plane.owner.client, url: plane.host.url, orgId: plane.owner.orgId });
}, 120_000);

afterAll(async () => {
  await site?.close();
  await plane?.close();
}, 60_000);

/** Tables that hold what a person is called. */
async function tablesWith(what: string): Promise<string[]> {
  const { admin } = plane.database;
  const { rows } = await admin.query<{ name: string }>(
    `select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') order by 1`,
  );
  const found = [];
  for (const { name: table } of rows) {
    const { rows: some } = await admin.query(`select from ${table} t where t::text ilike $1 limit 1`, [`%${what}%`]);
    if (some.length > 0) found.push(table);
  }
  return found;
}

describe('a deleted account', () => {
  it('leaves no name and no address behind, and every trail proven', async () => {
    const { client: owner, orgId, projectId } = plane.owner;
    const made = await plane.host.client().accounts.signUp({ email, password, name, orgName: 'handed-over' });
    const vera = plane.host.client(made.sessionToken);
    const left = made.organization?.id ?? '';
    await vera.members.setBinding({ scopeId: left, email: emailOf('keeper'), role: Role.OWNER });
    await owner.members.setBinding({ scopeId: orgId, email, role: Role.OPERATOR });
    const { version } = await owner.templates.createTemplateVersion({ orgId, source });
    const spec = { name: 'hers', agentId: site.agentId, templateVersionId: version?.id ?? '' };
    const operationId = await until('she may do it', () =>
      vera.clusters.createCluster({ projectId, spec }).then(
        ({ operation }) => operation?.id,
        () => undefined,
      ),
    );
    for await (const _ of owner.operations.watchOperation({ operationId }));
    const before = (await owner.operations.getOperation({ operationId })).operation?.initiator;
    expect(before).toMatchObject({ subject: `user:${made.user?.id}`, displayName: name });
    expect(await tablesWith(name)).toEqual(expect.arrayContaining(['ledger.person', 'orchestration.operation']));

    await vera.addresses.deleteAccount({ email });
    await until('her name is nowhere', async () => (await tablesWith(name)).length === 0, 30_000);
    // The mail that says so is kept for a week, as every mail.
    expect(await tablesWith(email)).toEqual(['tenant.mail']);
    const after = (await owner.operations.getOperation({ operationId })).operation?.initiator;
    expect(after).toMatchObject({ subject: `user:${made.user?.id}`, displayName: '' });
    for (const each of [orgId, left]) await proven(each);
  }, 120_000);
});

/** Exports an organization's whole trail and verifies it with the public keys. */
async function proven(orgId: string): Promise<void> {
  const { client } = plane.owner;
  let text = '';
  for await (const { chunk } of client.audit.exportAuditRecords({ orgId })) text += Buffer.from(chunk).toString();
  expect(text).not.toContain(name);
  const { keys } = await client.audit.listAuditCheckpoints({ orgId });
  const publicKeys = keys.map(({ publicKey }) => createPublicKey(publicKey));
  expect((await verifyExport(text.split('\n'), { checkpoints: [], publicKeys })).faults).toEqual([]);
}
