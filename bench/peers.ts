/**
 * Plain VMs on the simulator (a linked clone takes 1 s, a boot 1 s), eight clones at once: Truffle through its whole stack, beside Ansible's
 * community.proxmox, OpenTofu with bpg/proxmox and a bare script that calls the API, on the same site in the same run.
 * Usage: node bench/peers.ts [--servers 50] [--runs 3] [--ansible-runs 1] [--venv folder with Ansible] [--tofu-runs 1 --tofu program --provider program]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { TruffleClient } from '@truffle/api';
import { OperationState } from '@truffle/api/orchestration/v1/operation';
import { installAnsible } from './peers.ansible.ts';
import { Script } from './peers.script.ts';
import { prepareTofu } from './peers.tofu.ts';
import { bareServers, clientOf, median, noise, startStack, type BenchStack } from './stack.ts';

const { values } = parseArgs({
  options: {
    servers: { type: 'string', default: '50' },
    runs: { type: 'string', default: '3' },
    'ansible-runs': { type: 'string', default: '1' },
    venv: { type: 'string' },
    'tofu-runs': { type: 'string', default: '1' },
    tofu: { type: 'string' },
    provider: { type: 'string' },
  },
});
const [servers, runs, ansibleRuns, tofuRuns] = [
  values.servers,
  values.runs,
  values['ansible-runs'],
  values['tofu-runs'],
].map(Number) as [number, number, number, number];
/** What the agent allows itself for one template unless its site says otherwise. */
const clonesAtOnce = 8;

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}

async function ended(client: TruffleClient, operationId: string): Promise<void> {
  let state = OperationState.UNSPECIFIED;
  for await (const { operation } of client.operations.watchOperation({ operationId }))
    state = operation?.state ?? state;
  if (state !== OperationState.SUCCEEDED) throw new Error(`the operation ended as ${OperationState[state]}`);
}

/** Seconds from the request to the cluster's last server being ready; its deletion is not counted. */
async function truffle(stack: BenchStack, client: TruffleClient, count: number, run: number): Promise<number> {
  const { orgId, projectId, agentId } = stack.info;
  const { version } = await client.templates.createTemplateVersion({ orgId, source: bareServers(count) });
  const spec = { name: `peers-${count}-${run}`, agentId, templateVersionId: version?.id ?? '' };
  let clusterId = '';
  const took = await seconds(async () => {
    const { operation, cluster } = await client.clusters.createCluster({ projectId, spec });
    clusterId = cluster?.id ?? '';
    await ended(client, operation?.id ?? '');
  });
  const { operation } = await client.clusters.deleteCluster({ clusterId });
  await ended(client, operation?.id ?? '');
  return took;
}

const stack = await startStack({ simulator: ['--clone-ms', '10000', '--boot-ms', '1000'] });
const folder = mkdtempSync(join(tmpdir(), 'truffle-bench-peers-'));
const site = stack.info.simulator;
const script = new Script(site);
try {
  const client = clientOf(stack.info);
  const ansible = ansibleRuns > 0 ? await installAnsible(folder, site, values.venv) : undefined;
  const tofu =
    values.tofu === undefined || values.provider === undefined
      ? undefined
      : await prepareTofu(folder, site, values.tofu, values.provider);
  console.log(`noise of the machine: ${noise()}`);
  await truffle(stack, client, 1, 0);
  const took: Record<'script' | 'truffle', number[]> = { script: [], truffle: [] };
  for (let run = 1; run <= runs; run++) {
    took.truffle.push(await truffle(stack, client, servers, run));
    took.script.push(await seconds(() => script.make(50_000, servers, clonesAtOnce)));
    await script.remove(50_000, servers);
  }
  const bare = median(took.script);
  const row = (name: string, all: readonly number[]): void =>
    console.log(
      `${name.padEnd(28)} | ${median(all).toFixed(1).padStart(7)} | ${(median(all) / bare).toFixed(2).padStart(5)}x | ${all.map((one) => one.toFixed(1)).join(', ')}`,
    );
  console.log(`${servers} VMs                       | seconds |  ratio | runs`);
  row('bare script', took.script);
  row('Truffle', took.truffle);
  for (const [peer, times] of [
    [tofu, tofuRuns],
    [ansible, ansibleRuns],
  ] as const) {
    if (peer === undefined) continue;
    const all: number[] = [];
    for (let run = 1; run <= times; run++) {
      all.push(await seconds(() => peer.make(60_000, servers, clonesAtOnce)));
      await script.remove(60_000, servers);
      peer.forget();
    }
    row(peer.version, all);
  }
} finally {
  script.close();
  await stack.stop();
  rmSync(folder, { recursive: true, force: true });
}
