/**
 * From `npm start` (packages and engines cached) to ready, to the first READY cluster of three servers; the second start; resident memory.
 * Usage: node bench/start.ts
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OperationState } from '@truffle/api/orchestration/v1/operation';
import { clientOf, noise, residentMib, startStack } from './stack.ts';

const stateDir = mkdtempSync(join(tmpdir(), 'truffle-bench-'));
const seconds = (since: number): string => ((performance.now() - since) / 1000).toFixed(1);

console.log(`noise of the machine: ${noise()}`);
const began = performance.now();
const stack = await startStack({ stateDir, keep: true });
console.log(`first start to ready: ${seconds(began)} s`);
const { orgId, projectId, agentId } = stack.info;
const client = clientOf(stack.info);
const { templates } = await client.templates.listTemplates({ orgId, name: 'static-site' });
const spec = { name: 'first', agentId, templateVersionId: templates[0]?.latestVersionId ?? '' };
const { operation } = await client.clusters.createCluster({ projectId, spec });
let state = OperationState.UNSPECIFIED;
for await (const { operation: now } of client.operations.watchOperation({ operationId: operation?.id ?? '' }))
  state = now?.state ?? state;
console.log(`to the first cluster of 3 servers (${OperationState[state]}): ${seconds(began)} s`);
console.log('process      | resident MiB');
for (const { name, pid } of stack.processes()) console.log(`${name.padEnd(12)} | ${residentMib(pid).toFixed(0)}`);
await stack.stop();
const again = performance.now();
const second = await startStack({ stateDir });
console.log(`second start to ready: ${seconds(again)} s`);
await second.stop();
