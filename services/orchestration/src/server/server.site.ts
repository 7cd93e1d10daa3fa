import { formatQuantity } from '@truffle/template-language';
import { policyRefusal, type Refusal, type Site } from '../plan/plan.ts';
import { violations } from '../plan/plan.policy.ts';
import type { IntendedServer, ServerIntent } from './server.intent.ts';

/** What of a site's policy a size is under. */
const sizeRules = new Set(['policy', 'limits.cpu', 'limits.memory', 'limits.disk']);

/** What the site, as its agent last reported it, would refuse about `intent`. The agent decides; this only tells earlier. Pure. */
export function siteRefusals(intent: ServerIntent, server: IntendedServer, site: Site): Refusal[] {
  if (site.state === 'revoked' || site.state === 'quarantined' || site.nodes.length === 0) return [];
  if (intent.kind === 'RESIZE_SERVER')
    return [...sizeViolations(intent, site), ...memoryRefusals(intent, server, site)];
  if (intent.kind === 'MIGRATE_SERVER') return nodeRefusals(intent.targetNode, server, site);
  return [];
}

type Resize = ServerIntent & { readonly kind: 'RESIZE_SERVER' };

const sizeViolations = ({ cpu, memoryBytes, diskBytes }: Resize, { policy, servers }: Site): Refusal[] =>
  policy === undefined
    ? []
    : violations(policy, [{ ...unnamed, cpu, memoryBytes, diskBytes }], servers, false)
        .filter(({ rule }) => sizeRules.has(rule))
        .map(policyRefusal);

const unnamed = { role: '', index: 0, name: '', image: '', networks: [], antiAffinity: false } as const;

function memoryRefusals({ memoryBytes }: Resize, server: IntendedServer, site: Site): Refusal[] {
  const node = site.nodes.find((each) => each.name === server.node);
  const more = memoryBytes - server.memoryBytes;
  if (node === undefined || memoryBytes === 0 || server.power === 'STOPPED' || more <= node.freeMemoryBytes) return [];
  return [noMemory(server, server.node, more, node.freeMemoryBytes)];
}

function nodeRefusals(target: string, server: IntendedServer, site: Site): Refusal[] {
  const node = site.nodes.find((each) => each.name === target);
  const others = site.nodes.filter((each) => each.online && each.name !== server.node).map((each) => each.name);
  const remedy = `nodes it can go to: ${others.join(', ') || 'none'}`;
  const parameters = { node: target };
  if (node === undefined)
    return [{ reason: 'NODE_NOT_FOUND', message: `the site has no node ${target}`, remedy, parameters }];
  if (!node.online) return [{ reason: 'NODE_OFFLINE', message: `the node ${target} is down`, remedy, parameters }];
  const needed = server.power === 'RUNNING' && target !== server.node ? server.memoryBytes : 0;
  return needed <= node.freeMemoryBytes ? [] : [noMemory(server, target, needed, node.freeMemoryBytes)];
}

const noMemory = (server: IntendedServer, node: string, needed: number, free: number): Refusal => ({
  reason: 'CAPACITY_MEMORY',
  message: `${server.name} would need ${formatQuantity(needed)} more memory on ${node}, which has ${formatQuantity(Math.max(0, free))} free`,
  remedy: 'choose less or another node, or free memory there',
  parameters: { node },
});
