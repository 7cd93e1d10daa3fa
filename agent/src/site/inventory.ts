import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { type Inventory, InventorySchema } from '@truffle/api/agent/v1/agent';
import type { Resources } from '../pve/api.ts';
import type { TemplateFacts } from '../pve/facts.ts';
import { faultOf } from '../pve/fault.ts';
import type { PveSite } from '../pve/site.ts';
import { type Finding, finding, findingText } from './finding.ts';
import { preflight } from './preflight.ts';

/** What the site has and what is wrong with it. Never throws for a site that is partly or wholly down: that is one of the problems. */
export async function takeInventory(site: PveSite, tokenId: string, signal: AbortSignal): Promise<Inventory> {
  const { inventory, findings } = await lookOver(site, tokenId, signal);
  inventory.problems = findings.map(findingText);
  return inventory;
}

/** As `takeInventory`, with what was found in parts. */
export async function lookOver(
  site: PveSite,
  tokenId: string,
  signal: AbortSignal,
): Promise<{ inventory: Inventory; findings: readonly Finding[] }> {
  site.facts.forget();
  const base = {
    takenAt: timestampFromMs(Date.now()),
    driver: 'pve',
    vmidFirst: site.vmids.first,
    vmidLast: site.vmids.last,
    features: featuresOf(site),
    networks: Object.entries(site.networks).map(([name, { bridge }]) => ({ name, bridge })),
  };
  try {
    const [version, clusterName, resources] = await Promise.all([
      site.api.version(signal),
      site.api.clusterName(signal),
      site.api.resources(signal),
    ]);
    const images = await readImages(site);
    const templates = images.flatMap((each) => (each.facts === undefined ? [] : [each.facts]));
    const inventory = create(InventorySchema, {
      ...base,
      hypervisorVersion: version,
      clusterName: clusterName ?? site.name,
      nodes: nodesOf(resources),
      storages: storagesOf(site, resources, templates),
      images: images.flatMap(({ name, facts }) => (facts?.isTemplate === true ? [imageOf(name, facts)] : [])),
    });
    return { inventory, findings: await preflight(site, { version, tokenId, resources, images }, signal) };
  } catch (error) {
    signal.throwIfAborted();
    const fault = faultOf(error);
    if (fault === undefined) throw error;
    const said = error instanceof Error ? error.message : '';
    const remedy = `${fault.cause} ${fault.remedy}`;
    const findings = [finding('reach', site.name, `The hypervisor can't be asked (${said}).`, { remedy })];
    return { inventory: create(InventorySchema, base), findings };
  }
}

/** What commands may ask for beyond servers as they are. */
function featuresOf(site: PveSite): string[] {
  return [
    'clone:full',
    'clone:linked',
    'cloud-init:native',
    ...(site.isoStorage === undefined ? [] : ['cloud-init:no-cloud']),
    ...(site.ha === undefined ? [] : ['high-availability']),
    ...(site.importStorage === undefined ? [] : ['image-import']),
    ...site.storages.map((name) => `storage:${name}`),
  ];
}

async function readImages(site: PveSite) {
  const wanted = Object.entries(site.images).flatMap(([name, vmids]) => vmids.map((vmid) => ({ name, vmid })));
  return Promise.all(
    wanted.map(async ({ name, vmid }) => {
      try {
        return { name, vmid, facts: await site.facts.template(vmid), problem: undefined };
      } catch (error) {
        return { name, vmid, facts: undefined, problem: error instanceof Error ? error.message : String(error) };
      }
    }),
  );
}

function nodesOf({ nodes }: Resources) {
  return nodes.map((each) => ({
    name: each.node,
    online: each.online,
    cpu: each.cpu,
    memoryBytes: BigInt(each.memory),
    memoryUsedBytes: BigInt(Math.round(each.memoryUsed)),
  }));
}

/** Storages that disks go to: each local one per node, a shared one once. */
function storagesOf(site: PveSite, { storages }: Resources, templates: readonly TemplateFacts[]) {
  const used = new Set(site.clone === 'full' ? [site.storage] : templates.flatMap((each) => each.storages));
  const seen = new Set<string>();
  return storages.flatMap((each) => {
    const node = each.shared ? '' : each.node;
    const id = `${each.storage}/${node}`;
    if (!used.has(each.storage) || !each.online || seen.has(id)) return [];
    seen.add(id);
    return [
      {
        name: each.storage,
        node,
        totalBytes: BigInt(each.total),
        freeBytes: BigInt(Math.max(0, each.total - each.used)),
      },
    ];
  });
}

function imageOf(name: string, facts: TemplateFacts) {
  return { name, vmid: facts.vmid, node: facts.node, diskBytes: BigInt(Math.ceil(facts.diskBytes)) };
}
