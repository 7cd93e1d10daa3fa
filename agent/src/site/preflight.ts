import type { Resources } from '../pve/api.ts';
import type { TemplateFacts } from '../pve/facts.ts';
import { PveError } from '../pve/error.ts';
import { rootOnlyOptions } from '../pve/root-only.ts';
import type { PveSite } from '../pve/site.ts';
import { type Finding, finding } from './finding.ts';
import { privilegeFindings } from './privilege.ts';

/** What is known of the site when it is checked. */
export interface PreflightFacts {
  readonly version: string;
  readonly tokenId: string;
  readonly resources: Resources;
  readonly images: readonly {
    readonly name: string;
    readonly vmid: number;
    readonly facts: TemplateFacts | undefined;
    readonly problem: string | undefined;
  }[];
}

/** All that would make a deployment fail, each with what mends it; empty when the site is ready. @throws PveError when it can't be asked */
export async function preflight(
  site: PveSite,
  facts: PreflightFacts,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const found = await Promise.all([
    privilegeFindings(site, facts, signal),
    Promise.resolve(imageFindings(facts)),
    Promise.resolve(storageFindings(site, facts)),
    bridgeFindings(site, facts, signal),
    Promise.resolve(nodeFindings(facts)),
    Promise.resolve(vmidFindings(site, facts)),
    Promise.resolve(haFindings(site, facts)),
  ]);
  return found.flat();
}

function imageFindings({ images }: PreflightFacts): readonly Finding[] {
  return images.flatMap(({ name, vmid, facts, problem }) => {
    if (problem !== undefined) return [finding('image', name, `Image ${name} (VM ${vmid}) can't be read: ${problem}`)];
    if (facts === undefined) {
      const remedy = `Correct images.${name} in the site config.`;
      return [
        finding('image', name, `Image ${name}: there is no VM ${vmid}, or the API token may not see it.`, { remedy }),
      ];
    }
    if (!facts.isTemplate) {
      const what = `Image ${name}: VM ${vmid} on ${facts.node} is no template.`;
      return [finding('image', name, what, { commands: [`qm template ${vmid}`] })];
    }
    const reserved = rootOnlyOptions(facts.options);
    if (reserved.length === 0) return [];
    const what = `Image ${name}: VM ${vmid} has options that are reserved to root (${reserved.join(', ')}), so no token can clone it.`;
    return [finding('image', name, what, { commands: [`qm set ${vmid} --delete ${reserved.join(',')}`] })];
  });
}

/** Each storage has to be there, active on every node that is up, and made for what it is used for. */
function storageFindings(site: PveSite, { resources }: PreflightFacts): readonly Finding[] {
  const online = new Set(resources.nodes.filter((each) => each.online).map((each) => each.node));
  const used: readonly (readonly [string, string | undefined, string])[] = [
    ...site.storages.map((name) => ['storage', name, 'images'] as const),
    ['isoStorage', site.isoStorage, 'iso'],
    ['importStorage', site.importStorage, 'import'],
  ];
  return used.flatMap(([key, name, content]) => {
    if (name === undefined) return [];
    const rows = resources.storages.filter((each) => each.storage === name);
    if (rows.length === 0) {
      const remedy = `Correct ${key} in the site config.`;
      return [finding('storage', name, `Storage ${name} is not there, or the API token may not see it.`, { remedy })];
    }
    const dead = rows.filter((each) => !each.online && online.has(each.node)).map((each) => each.node);
    const inactive =
      dead.length === 0 ? [] : [finding('storage', name, `Storage ${name} is not active on ${dead.join(', ')}.`)];
    const kinds = rows[0]?.content ?? [];
    if (kinds.length === 0 || kinds.includes(content)) return inactive;
    const what = `Storage ${name} (${key}) does not take content of the kind ${content}.`;
    return [
      ...inactive,
      finding('storage', name, what, { commands: [`pvesm set ${name} --content ${[...kinds, content].join(',')}`] }),
    ];
  });
}

/** Each online node must have each bridge; one that does not answer in time is said, and holds up nothing. */
async function bridgeFindings(
  site: PveSite,
  { resources }: PreflightFacts,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const wanted = Object.entries(site.networks);
  const online = resources.nodes.filter((each) => each.online);
  const found = await Promise.all(
    online.map(async ({ node }) => {
      try {
        const bridges = new Set(await site.api.bridges(node, site.waits.nodeMs, signal));
        return wanted
          .filter(([, { bridge }]) => !bridges.has(bridge))
          .map(([name, { bridge }]) =>
            finding(
              'bridge',
              node,
              `Node ${node} has no bridge ${bridge} (network ${name}), or the API token may not use it.`,
            ),
          );
      } catch (error) {
        if (!(error instanceof PveError)) throw error;
        return [finding('node', node, `The bridges of node ${node} can't be listed: ${error.text}`)];
      }
    }),
  );
  return found.flat();
}

function nodeFindings({ resources }: PreflightFacts): readonly Finding[] {
  return resources.nodes
    .filter((each) => !each.online)
    .map(({ node }) => finding('node', node, `Node ${node} is down.`));
}

/** Guests on numbers that the site offers and that are not ours: each would be met as a conflict. */
function vmidFindings(site: PveSite, { resources, images }: PreflightFacts): readonly Finding[] {
  const { first, last } = site.vmids;
  const named = new Set(images.map((each) => each.vmid));
  const foreign = resources.guests.filter(
    (each) =>
      each.vmid >= first &&
      each.vmid <= last &&
      !named.has(each.vmid) &&
      !each.tags.some((tag) => tag === 'truffle' || tag === 'truffle-image') &&
      (site.pool === undefined || each.pool !== site.pool),
  );
  if (foreign.length === 0) return [];
  const some = foreign.slice(0, 10).map((each) => `${each.vmid} on ${each.node}`);
  const more = foreign.length > some.length ? ` and ${foreign.length - some.length} more` : '';
  const what = `Guests that are not Truffle's have numbers of the site's range: ${some.join(', ')}${more}.`;
  return [finding('vmids', `${first}-${last}`, what, { remedy: 'Choose another range for vmids in the site config.' })];
}

function haFindings(site: PveSite, { version }: PreflightFacts): readonly Finding[] {
  const group = site.ha?.group;
  if (group === undefined || Number.parseInt(version, 10) < 9) return [];
  const remedy = 'Leave ha.group out of the site config and make a node affinity rule under Datacenter → HA instead.';
  return [finding('ha', group, `HA groups became rules with version 9: ${group} can't be used.`, { remedy })];
}
