/**
 * Orchestration overhead: clusters of plain VMs on the simulator with no latency dialled in. Starts the whole stack in a temporary state folder.
 * Usage: node bench/provision.ts [--sizes 10,50,200] [--runs 3]
 */
import { parseArgs } from 'node:util';
import type { TruffleClient } from '@truffle/api';
import { OperationState } from '@truffle/api/orchestration/v1/operation';
import { bareServers, clientOf, cpuSeconds, median, noise, startStack, type BenchStack } from './stack.ts';

const { values } = parseArgs({
  options: { sizes: { type: 'string', default: '10,50,200' }, runs: { type: 'string', default: '3' } },
});
const sizes = values.sizes.split(',').map(Number);
const runs = Number(values.runs);

async function deploy(
  stack: BenchStack,
  client: TruffleClient,
  count: number,
  run: number,
): Promise<{ seconds: number; cpu: number }> {
  const { orgId, projectId, agentId } = stack.info;
  const { version } = await client.templates.createTemplateVersion({ orgId, source: bareServers(count) });
  const before = cpuSeconds(stack.pids('all-in-one'));
  const began = performance.now();
  const spec = { name: `bench-${count}-${run}`, agentId, templateVersionId: version?.id ?? '' };
  const { operation, cluster } = await client.clusters.createCluster({ projectId, spec });
  const state = await end(client, operation?.id ?? '');
  const seconds = (performance.now() - began) / 1000;
  const cpu = cpuSeconds(stack.pids('all-in-one')) - before;
  if (state !== OperationState.SUCCEEDED) throw new Error(`the operation ended as ${OperationState[state]}`);
  const { operation: deletion } = await client.clusters.deleteCluster({ clusterId: cluster?.id ?? '' });
  await end(client, deletion?.id ?? '');
  return { seconds, cpu };
}

async function end(client: TruffleClient, operationId: string): Promise<OperationState> {
  let state = OperationState.UNSPECIFIED;
  for await (const { operation } of client.operations.watchOperation({ operationId }))
    state = operation?.state ?? state;
  return state;
}

const stack = await startStack({ simulator: ['--clone-ms', '0', '--boot-ms', '0'] });
try {
  const client = clientOf(stack.info);
  console.log(`noise of the machine (spread of a fixed loop over 9 runs): ${noise()}`);
  console.log('servers | seconds to READY | seconds/VM | control-plane CPU s/VM');
  await deploy(stack, client, 1, 0);
  for (const size of sizes) {
    const results = [];
    for (let run = 1; run <= runs; run++) results.push(await deploy(stack, client, size, run));
    const seconds = median(results.map((r) => r.seconds));
    const cpu = median(results.map((r) => r.cpu));
    console.log(
      `${String(size).padStart(7)} | ${seconds.toFixed(2).padStart(16)} | ${(seconds / size).toFixed(3).padStart(10)} | ${(cpu / size).toFixed(4).padStart(22)}`,
    );
  }
} finally {
  await stack.stop();
}
