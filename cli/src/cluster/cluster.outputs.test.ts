import { Code, ConnectError } from '@connectrpc/connect';
import type { RevealOutputsRequest } from '@truffle/api/orchestration/v1/cluster_service';
import { generateSealingKey, seal, sealOutput } from '@truffle/sealing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Peer } from '../testing/peer.ts';
import { Desk } from '../testing/program.ts';

let peer: Peer;
let desk: Desk;

beforeEach(async () => {
  peer = await Peer.start();
  desk = new Desk({ TRUFFLE_ENDPOINT: peer.url, TRUFFLE_TOKEN: peer.token });
  await desk.run('key', 'create');
});

afterEach(async () => {
  await peer.close();
  desk.remove();
});

const secret = new TextEncoder().encode('db://correct horse');
const reveal = () => desk.run('cluster', 'outputs', 'shop', '--reveal', '--output', 'json');

/** What the agent would answer, with one thing changed. */
async function answer(asked: RevealOutputsRequest, change: { nonce?: Uint8Array; sender?: Uint8Array } = {}) {
  const { nonce = asked.nonce, sender = peer.sealing.privateKey } = change;
  const bound = { tenant: peer.ids.org, agent: peer.ids.agent, cluster: peer.ids.cluster, output: 'dsn', nonce };
  const sealed = await sealOutput({ recipient: asked.recipientPublicKey, sender }, secret, bound);
  return { name: 'dsn', sealed };
}

test('an output that the agent sealed is opened', async () => {
  peer.reveal = async (asked) => [await answer(asked)];
  const { code, out, err } = await reveal();
  expect(code, err).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ dsn: 'db://correct horse' });
  expect(err).toContain('first secrets to or from the agent site');
}, 30_000);

test('what a control plane makes up or kept is not taken for the site’s', async () => {
  const stranger = await generateSealingKey();
  const answers: readonly Peer['reveal'][] = [
    // Of another time.
    async (asked) => [await answer(asked, { nonce: new Uint8Array(32) })],
    // Sealed by somebody else.
    async (asked) => [await answer(asked, { sender: stranger.privateKey })],
    // Sealed by nobody in particular.
    async ({ recipientPublicKey: publicKey }) => [
      { name: 'dsn', sealed: await seal({ publicKey, plaintext: secret, aad: new Uint8Array() }) },
    ],
    // Of another output.
    async (asked) => [{ ...(await answer(asked)), name: 'admin' }],
    async () => [{ name: 'dsn', sealed: new Uint8Array() }],
  ];
  for (const made of answers) {
    peer.reveal = made;
    const { code, out, err } = await reveal();
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/the output (dsn|admin) is not one that the agent site sealed for you just now/);
  }
}, 60_000);

test('an agent whose key has changed is not asked', async () => {
  peer.reveal = async (asked) => [await answer(asked)];
  expect((await reveal()).code).toBe(0);
  peer.sealing = await generateSealingKey();
  let asked = 0;
  peer.reveal = () => Promise.resolve([]).finally(() => asked++);
  const { code, out, err } = await reveal();
  expect([code, out, asked]).toEqual([6, '', 0]);
  expect(err).toContain('has changed');
}, 30_000);

test('what the site refuses for another reason is told as it is', async () => {
  peer.reveal = () => Promise.reject(new ConnectError('the site takes no work', Code.FailedPrecondition));
  const { code, err } = await reveal();
  expect(code).toBe(6);
  expect(err).toContain('the site takes no work');
}, 30_000);
