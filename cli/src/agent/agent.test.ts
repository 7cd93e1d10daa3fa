import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Peer } from '../testing/peer.ts';
import { Desk } from '../testing/program.ts';

let peer: Peer;
let desk: Desk;

beforeEach(async () => {
  peer = await Peer.start();
  desk = new Desk({ TRUFFLE_ENDPOINT: peer.url, TRUFFLE_TOKEN: peer.token });
});
afterEach(async () => {
  await peer.close();
  desk.remove();
});

const [original, copy] = ['3f9c0a12b7de', '77aa01c2d3e4'];

describe('an agent in quarantine', () => {
  beforeEach(() => {
    peer.quarantine = {
      reason: 'IDENTITY_CONFLICT',
      message: 'a copy of this agent has been connected',
      holders: [
        { fingerprint: original, journalLsn: 90n, recorded: true },
        { fingerprint: copy, journalLsn: 40n },
      ],
      wayOut: ['read its holder: truffle-agent status', 'truffle agent release site --holder HOLDER'],
    };
  });

  test('says why and who, and wants to be told which one goes on', async () => {
    const shown = await desk.run('agent', 'get', 'site');
    expect(shown.out).toMatch(/IDENTITY_CONFLICT since .*: a copy of this agent has been connected/);
    expect(shown.out).toContain(`${copy}  came in conflict with it, journal record 40`);
    expect(shown.out).toMatch(
      /way out +read its holder: truffle-agent status\n +truffle agent release site --holder HOLDER/,
    );
    const { code, err } = await desk.run('agent', 'release', 'site');
    expect(code).toBe(2);
    expect(err).toContain(`${original}  had the last session, journal record 90`);
    expect(err).toContain('truffle-agent status');
    expect(peer.decisions).toEqual([]);
  });

  test('is hard to miss in a list', async () => {
    const { out, err } = await desk.run('agent', 'list');
    expect(out).toMatch(/site +quarantined \(IDENTITY_CONFLICT\)/);
    expect(err).toMatch(
      /the site site does no work since .* \(IDENTITY_CONFLICT\); what ends that: truffle agent get site/,
    );
    const [agent] = JSON.parse((await desk.run('agent', 'list', '--output', 'json')).out) as { quarantine: object }[];
    expect(agent?.quarantine).toMatchObject({ reason: 'IDENTITY_CONFLICT', wayOut: { length: 2 } });
  });

  test('is released with the revision that was seen', async () => {
    const { code, err } = await desk.run('agent', 'release', 'site', '--holder', original);
    expect([code, peer.decisions]).toEqual([0, [{ holder: original, revision: 7n }]]);
    expect(err).toContain('any other holder needs truffle-agent reset');
  });
});

test('a join token may want approval, and the words go to the control plane as they were typed', async () => {
  const made = await desk.run('agent', 'join-token', 'create', 'site', '--require-approval');
  expect(made.out).toMatch(
    /printf .* > join-token\)\ncurl -fsSL .*\/install\.sh \| sudo sh -s -- .*--token-file join-token --ca-pin aa,bb/,
  );
  expect(made.err).toContain('truffle-agent run --join --server');
  expect(made.err).toContain('truffle agent approve site --fingerprint WORDS');
  expect((await desk.run('agent', 'approve', 'site')).code).toBe(2);
  expect((await desk.run('agent', 'approve', 'site', '--fingerprint', 'cliff book carpet')).code).toBe(0);
  expect(peer.decisions).toEqual([
    { agentName: 'site', requireApproval: true },
    { fingerprint: 'cliff book carpet', revision: 7n },
  ]);
});
