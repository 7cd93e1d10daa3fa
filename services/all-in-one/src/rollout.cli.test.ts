import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { UpdateOutcome } from '@truffle/api/agent/v1/rollout';
import { AgentUpdateService } from '@truffle/api/agent/v1/update_service';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Desk } from '../../../cli/src/testing/program.ts';
import { askPeer } from '../../agent-gateway/src/testing/call.ts';
import { enrollRequest, makeRequest, pemOf, type PeerKeys } from '../../agent-gateway/src/testing/peer.ts';
import { startControlPlane, type ControlPlane } from './control-plane.fixture.ts';

let plane: ControlPlane;
let desk: Desk;

beforeAll(async () => {
  plane = await startControlPlane('rollouts');
  desk = new Desk({ TRUFFLE_ENDPOINT: plane.host.url, TRUFFLE_TOKEN: plane.owner.token });
}, 120_000);

afterAll(async () => {
  await plane?.close();
  desk?.remove();
}, 60_000);

const ok = async (...args: readonly string[]): Promise<string> => {
  const { code, out, err } = await desk.run('agent', 'rollout', ...args);
  expect([code, err], args.join(' ')).toEqual([0, expect.not.stringContaining('error')]);
  return out;
};
const refused = async (...args: readonly string[]): Promise<string> => {
  const { code, out, err } = await desk.run('agent', 'rollout', ...args);
  expect([code, out], args.join(' ')).toEqual([2, '']);
  return err;
};

/** Asks which version it is to have, as an agent does that has 1.0.0, and tells how the last update ended. */
type Agent = (last?: UpdateOutcome) => Promise<string>;

async function enrol(name: string): Promise<Agent> {
  const { client, orgId } = plane.owner;
  const { token } = await client.agents.createJoinToken({ orgId, agentName: name });
  const { csr, key } = await makeRequest();
  const answer = await plane.host.client().enrollment.enroll(enrollRequest(token, csr));
  const keys = { agentId: answer.agentId, orgId, key, certificate: pemOf(answer.certificate) } as PeerKeys;
  return async (outcome) => {
    const ended = { fromVersion: '1.0.0', toVersion: '1.1.0', reason: `${name} says so` };
    const told = {
      version: outcome === UpdateOutcome.UPDATED ? '1.1.0' : '1.0.0',
      ...(outcome === undefined ? {} : { last: { ...ended, outcome, endedAt: timestampFromDate(new Date()) } }),
    };
    const authority = answer.authorities.map(pemOf).join('\n');
    const { checkUpdate } = AgentUpdateService.method;
    return (await askPeer(answer.endpoints[0] ?? '', authority, keys, checkUpdate, told)).version;
  };
}

it(
  'sets a version, shows how far it is and how updates ended, holds it and lets it go on',
  { timeout: 120_000 },
  async () => {
    expect(await ok('get')).toMatch(/version +none: agents stay as they are/);
    await ok('updates');
    expect(await refused('set', '--percent', '10')).toContain('rollout set 1.2.3');
    expect(await refused('set', '1.1.0', '--percent', '101')).toContain('a number from 0 to 100');
    expect(await refused('set', '1.1.0', '--failure-limit', 'some')).toContain('a number from 0 to 100');
    expect(await refused('set', 'newest')).toContain('version');
    expect(await ok('get')).toMatch(/version +none/);

    const set = await ok('set', '1.1.0', '--percent', '100');
    expect(set).toMatch(/version +1\.1\.0[\s\S]*percent +100[\s\S]*state +active[\s\S]*halts at +10 %/i);
    const [good, bad, worse] = [await enrol('good'), await enrol('bad'), await enrol('worse')];
    for (const agent of [good, bad, worse]) expect(await agent()).toBe('1.1.0');

    expect(await ok('set', '--pause')).toMatch(/version +1\.1\.0[\s\S]*percent +100[\s\S]*state +paused/i);
    expect(await good()).toBe('');
    expect(await ok('set', '--failure-limit', '50')).toMatch(/state +active[\s\S]*halts at +50 %/i);

    await good(UpdateOutcome.UPDATED);
    await bad(UpdateOutcome.ROLLED_BACK);
    expect(await ok('get')).toMatch(/state +active[\s\S]*updated +1\n[\s\S]*rolled back +1\n/i);
    await worse(UpdateOutcome.ROLLED_BACK);
    expect(await ok('get')).toMatch(/state +halted \(2 of 3 agents that tried 1\.1\.0 went back\)/i);
    expect(await bad()).toBe('');

    const lines = (await ok('updates')).trimEnd().split('\n');
    expect(lines[0]).toMatch(/^AGENT +FROM +TO +OUTCOME +ENDED +REASON/);
    expect(lines.slice(1).map((line) => line.split(/ {2,}/).slice(0, 4).join(' '))).toEqual([
      expect.stringMatching(/^worse 1\.0\.0 1\.1\.0 rolled.back$/i),
      expect.stringMatching(/^bad 1\.0\.0 1\.1\.0 rolled.back$/i),
      expect.stringMatching(/^good 1\.0\.0 1\.1\.0 updated$/i),
    ]);
    const told = JSON.parse(await ok('updates', '--output', 'json')) as readonly { readonly reason: string }[];
    expect(told.map(({ reason }) => reason)).toEqual(['worse says so', 'bad says so', 'good says so']);
    expect(JSON.parse(await ok('get', '--output', 'json'))).toMatchObject({ version: '1.1.0', rolledBack: 2 });
  },
);
