import { AgentState } from '@truffle/api/agent/v1/agent';
import { testSite, until, type TestSite } from '@truffle/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startControlPlane, type ControlPlane } from './control-plane.fixture.ts';

let plane: ControlPlane;
let site: TestSite;

beforeAll(async () => {
  plane = await startControlPlane('fenced');
  site = await testSite({ client: plane.owner.client, url: plane.host.url, orgId: plane.owner.orgId });
}, 120_000);

afterAll(async () => {
  await site?.close();
  await plane?.close();
}, 60_000);

it('a connected agent that a new allowlist leaves outside loses its session within 5 s, which the audit trail tells', async () => {
  const { client, orgId } = plane.owner;
  const agent = async () => (await client.agents.getAgent({ agentId: site.agentId })).agent?.state;
  expect(await agent()).toBe(AgentState.ONLINE);
  await client.allowlists.setAllowlist({ orgId, agents: [{ cidr: '203.0.113.0/24', note: 'the site' }] });
  await until('it is offline', async () => (await agent()) === AgentState.OFFLINE, 5_000);
  await until('its end is in the audit trail', async () =>
    (await client.events.listEvents({ orgId })).events.some(
      ({ type, data }) => type.includes('agent.offline') && data?.['why'] === 'ADDRESS_NOT_ALLOWED',
    ),
  );
  // Nobody else is touched: people and keys have lists of their own.
  expect((await client.allowlists.getAllowlist({ orgId })).allowlist?.revision).toBe(1n);
});
