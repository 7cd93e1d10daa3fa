import type { ServerSpec } from '@truffle/template-language';
import { violations, type SitePolicy, type Violation } from './plan.policy.ts';

/** What planning needs to know of a site, as its agent last reported it. */
export interface Site {
  readonly agentName: string;
  readonly state: 'enrolled' | 'online' | 'offline' | 'quarantined' | 'revoked' | 'waiting for approval';
  readonly nodes: readonly {
    readonly name: string;
    readonly online: boolean;
    readonly cpu: number;
    readonly freeMemoryBytes: number;
  }[];
  readonly images: readonly { readonly name: string; readonly node: string; readonly diskBytes: number }[];
  readonly networks: readonly string[];
  readonly storages: readonly { readonly name: string; readonly node: string; readonly freeBytes: number }[];
  readonly vmids: { readonly first: number; readonly last: number };
  /** VMIDs of the range that are leased already. */
  readonly leased: number;
  /** Those of them that are for servers; the others are for images. */
  readonly servers: number;
  readonly problems: readonly string[];
  /** What the site's own policy allows; undefined where it has none. */
  readonly policy: SitePolicy | undefined;
}

export interface Placement {
  readonly server: ServerSpec;
  readonly node: string;
}

/** Why a plan can't be carried out. */
export interface Refusal {
  readonly reason: string;
  readonly message: string;
  readonly remedy: string;
  readonly parameters: Readonly<Record<string, string>>;
}

export interface Planned {
  readonly placements: readonly Placement[];
  readonly refusals: readonly Refusal[];
  readonly warnings: readonly string[];
  readonly fits: boolean;
}

/** Nodes that one command names at most. */
const mostAvoided = 64;

/**
 * Places every server on the node with the most free memory, apart from its fellows where it asks to be. Pure.
 * @param deploys whether anything is run on them afterwards
 */
export function planServers(servers: readonly ServerSpec[], site: Site, deploys = false): Planned {
  const refusals = [...siteRefusals(site), ...serverRefusals(servers, site), ...policyRefusals(servers, site, deploys)];
  const warnings: string[] = [...site.problems];
  if (site.policy !== undefined && site.policy.windows !== '')
    warnings.push(`the site is worked on in its maintenance windows only: ${site.policy.windows}`);
  if (site.state === 'offline') warnings.push(`the agent ${site.agentName} is not connected: the commands wait for it`);
  const { placements, overfull } = place(servers, site);
  const diskWanted = servers.reduce((sum, s) => sum + s.diskBytes, 0);
  const diskFree = site.storages.reduce((sum, s) => sum + s.freeBytes, 0);
  const fits = overfull.length === 0 && (site.storages.length === 0 || diskWanted <= diskFree);
  if (overfull.length > 0)
    refusals.push({
      reason: 'CAPACITY_MEMORY',
      message: `no node has the memory for ${overfull.map((s) => s.name).join(', ')}`,
      remedy: 'ask for fewer or smaller servers, or free memory on the site',
      parameters: { servers: overfull.map((s) => s.name).join(',') },
    });
  if (overfull.length === 0 && !fits)
    refusals.push({
      reason: 'CAPACITY_DISK',
      message: `the servers ask for ${diskWanted} bytes of disk, the site has ${diskFree} free`,
      remedy: 'ask for smaller disks, or free storage on the site',
      parameters: { wanted: String(diskWanted), free: String(diskFree) },
    });
  return { placements, refusals, warnings: [...new Set([...warnings, ...sharing(placements)])], fits };
}

function siteRefusals(site: Site): Refusal[] {
  if (site.state === 'revoked' || site.state === 'quarantined' || site.state === 'waiting for approval')
    return [
      {
        reason: 'AGENT_UNUSABLE',
        message: `the agent ${site.agentName} is ${site.state}`,
        remedy: 'choose another agent, or enrol this site anew',
        parameters: { state: site.state },
      },
    ];
  if (site.nodes.length === 0)
    return [
      {
        reason: 'SITE_UNKNOWN',
        message: `the agent ${site.agentName} has not reported its site yet`,
        remedy: 'wait until it has connected: truffle agent watch',
        parameters: {},
      },
    ];
  return [];
}

function serverRefusals(servers: readonly ServerSpec[], site: Site): Refusal[] {
  if (site.nodes.length === 0) return [];
  const refusals: Refusal[] = [];
  const images = new Map(site.images.map((image) => [image.name, image]));
  for (const image of new Set(servers.map((s) => s.image)))
    if (!images.has(image))
      refusals.push({
        reason: 'IMAGE_NOT_FOUND',
        message: `the site has no image ${image}`,
        remedy: `images there: ${[...images.keys()].join(', ') || 'none'}; add it to the site's configuration`,
        parameters: { image },
      });
  for (const network of new Set(servers.flatMap((s) => s.networks)))
    if (!site.networks.includes(network))
      refusals.push({
        reason: 'NETWORK_NOT_FOUND',
        message: `the site has no network ${network}`,
        remedy: `networks there: ${site.networks.join(', ') || 'none'}; add it to the site's configuration`,
        parameters: { network },
      });
  for (const server of servers) {
    const least = images.get(server.image)?.diskBytes ?? 0;
    if (server.diskBytes < least)
      refusals.push({
        reason: 'DISK_TOO_SMALL',
        message: `${server.name} asks for a disk of ${server.diskBytes} bytes, its image ${server.image} has ${least}`,
        remedy: 'ask for a disk at least as large as the image',
        parameters: { server: server.name },
      });
  }
  const free = site.vmids.last - site.vmids.first + 1 - site.leased;
  if (servers.length > free)
    refusals.push({
      reason: 'VMID_RANGE_EXHAUSTED',
      message: `${servers.length} VMIDs are needed, the site offers ${Math.max(0, free)} more`,
      remedy: "widen the range in the site's configuration",
      parameters: { needed: String(servers.length), free: String(free) },
    });
  return refusals;
}

const policyRefusals = (
  servers: readonly ServerSpec[],
  { policy, servers: there }: Site,
  deploys: boolean,
): Refusal[] => (policy === undefined ? [] : violations(policy, servers, there, deploys).map(policyRefusal));

/** A violation as it is told: with the reason that the agent would refuse the command with. */
export const policyRefusal = ({ rule, wanted, allowed }: Violation): Refusal => ({
  reason: 'POLICY_VIOLATION',
  message: `the site's policy does not allow it: ${rule} would be ${wanted}, allowed is ${allowed}`,
  remedy: `ask for what is allowed, or have the site's operator change ${rule} in the policy file`,
  parameters: { rule, wanted, allowed },
});

function place(servers: readonly ServerSpec[], site: Site): { placements: Placement[]; overfull: ServerSpec[] } {
  const nodes = site.nodes
    .filter((n) => n.online)
    .map((n) => ({ name: n.name, free: n.freeMemoryBytes, roles: new Map<string, number>() }));
  const placements: Placement[] = [];
  const overfull: ServerSpec[] = [];
  for (const server of servers) {
    const fellows = (node: (typeof nodes)[number]) => (server.antiAffinity ? (node.roles.get(server.role) ?? 0) : 0);
    const node = nodes
      .filter((n) => n.free >= server.memoryBytes)
      .toSorted((a, b) => fellows(a) - fellows(b) || b.free - a.free || a.name.localeCompare(b.name))[0];
    if (node === undefined) {
      overfull.push(server);
      continue;
    }
    node.free -= server.memoryBytes;
    node.roles.set(server.role, (node.roles.get(server.role) ?? 0) + 1);
    placements.push({ server, node: node.name });
  }
  return { placements, overfull: nodes.length === 0 ? [] : overfull };
}

/** By server's name, the nodes of the fellows that it wants to be apart from; never its own. */
export function nodesApart(placements: readonly Placement[]): Map<string, string[]> {
  const wanting = placements.filter((p) => p.server.antiAffinity);
  return new Map(
    wanting.map(({ server, node }) => {
      const theirs = wanting.filter((p) => p.server.role === server.role && p.node !== node).map((p) => p.node);
      return [server.name, [...new Set(theirs)].toSorted().slice(0, mostAvoided)];
    }),
  );
}

function sharing(placements: readonly Placement[]): string[] {
  const seen = new Set<string>();
  const warnings: string[] = [];
  for (const { server, node } of placements.filter((p) => p.server.antiAffinity)) {
    const key = `${server.role}@${node}`;
    if (seen.has(key)) warnings.push(`servers of the role ${server.role} have to share the node ${node}`);
    seen.add(key);
  }
  return warnings;
}
