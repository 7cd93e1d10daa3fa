import type { Resources } from '../pve/api.ts';
import type { TemplateFacts } from '../pve/facts.ts';
import { PveError } from '../pve/error.ts';
import type { PveSite } from '../pve/site.ts';

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

/** Privileges on the VMs that the agent makes; the guest agent's one changed its name in version 9. */
const onServers = [
  'VM.Allocate',
  'VM.Audit',
  'VM.Config.CDROM',
  'VM.Config.CPU',
  'VM.Config.Cloudinit',
  'VM.Config.Disk',
  'VM.Config.HWType',
  'VM.Config.Memory',
  'VM.Config.Network',
  'VM.Config.Options',
  'VM.PowerMgmt',
];

/** All that would make a deployment fail, each with what mends it; empty when the site is ready. */
export async function preflight(site: PveSite, facts: PreflightFacts, signal: AbortSignal): Promise<readonly string[]> {
  const found = await Promise.all([
    missingPrivileges(site, facts, signal),
    Promise.resolve(imageProblems(site, facts)),
    Promise.resolve(storageProblems(site, facts)),
    bridgeProblems(site, facts, signal),
    Promise.resolve(nodeProblems(facts)),
  ]);
  return found.flat();
}

/** By path, what the token must have there. Scoped to the pool, the templates, the storages and the bridges: never to `/`. */
function wantedPrivileges(
  site: PveSite,
  { version, images }: PreflightFacts,
): Readonly<Record<string, readonly string[]>> {
  const guestAgent = Number.parseInt(version, 10) >= 9 ? 'VM.GuestAgent.Audit' : 'VM.Monitor';
  const wanted: Record<string, readonly string[]> = {};
  wanted[site.pool === undefined ? '/vms' : `/pool/${site.pool}`] = [...onServers, guestAgent];
  for (const { vmid } of images) wanted[`/vms/${vmid}`] = ['VM.Audit', 'VM.Clone'];
  const storages = new Set([site.storage, ...images.flatMap((each) => each.facts?.storages ?? [])]);
  for (const name of storages) wanted[`/storage/${name}`] = ['Datastore.AllocateSpace', 'Datastore.Audit'];
  for (const { bridge, vlan } of Object.values(site.networks)) {
    // Virtual networks of SDN lie in zones that the site config does not name.
    if (bridge.startsWith('vmbr'))
      wanted[`/sdn/zones/localnetwork/${bridge}${vlan === undefined ? '' : `/${vlan}`}`] = ['SDN.Use'];
  }
  return wanted;
}

async function missingPrivileges(
  site: PveSite,
  facts: PreflightFacts,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const wanted = Object.entries(wantedPrivileges(site, facts));
  const found = await Promise.all(
    wanted.map(async ([path, privileges]) => {
      const has = await site.api.privilegesOn(path, signal);
      const missing = privileges.filter((each) => !has.has(each));
      if (missing.length === 0) return [];
      const role = `truffle${path.replaceAll(/[^A-Za-z0-9]+/g, '-')}`;
      return [
        `The API token lacks ${missing.join(', ')} on ${path}. As root: pveum role add ${role} --privs "${missing.join(' ')}"; ` +
          `pveum acl modify ${path} --tokens '${facts.tokenId}' --roles ${role} (and the same for its user).`,
      ];
    }),
  );
  return found.flat();
}

function imageProblems(site: PveSite, { images }: PreflightFacts): readonly string[] {
  return images.flatMap(({ name, vmid, facts, problem }) => {
    if (problem !== undefined) return [`Image ${name} (VM ${vmid}) can't be read: ${problem}`];
    if (facts === undefined)
      return [
        `Image ${name}: there is no VM ${vmid}, or the API token may not see it. Correct images.${name} in the site config.`,
      ];
    if (!facts.isTemplate)
      return [
        `Image ${name}: VM ${vmid} on ${facts.node} is no template. As root on ${facts.node}: qm template ${vmid}`,
      ];
    const local = !facts.shared && (site.images[name] ?? []).length === 1;
    return local ? [] : [];
  });
}

function storageProblems(site: PveSite, { resources }: PreflightFacts): readonly string[] {
  const rows = resources.storages.filter((each) => each.storage === site.storage);
  if (rows.length === 0)
    return [
      `Storage ${site.storage} is not there, or the API token may not see it. Correct storage in the site config.`,
    ];
  const online = new Set(resources.nodes.filter((each) => each.online).map((each) => each.node));
  const dead = rows.filter((each) => !each.online && online.has(each.node)).map((each) => each.node);
  return dead.length === 0 ? [] : [`Storage ${site.storage} is not active on ${dead.join(', ')}.`];
}

/** Each online node must have each bridge; one that does not answer is left out. */
async function bridgeProblems(
  site: PveSite,
  { resources }: PreflightFacts,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const wanted = Object.entries(site.networks);
  const online = resources.nodes.filter((each) => each.online);
  const found = await Promise.all(
    online.map(async ({ node }) => {
      try {
        const bridges = new Set(await site.api.bridges(node, site.waits.nodeMs, signal));
        return wanted
          .filter(([, { bridge }]) => !bridges.has(bridge))
          .map(
            ([name, { bridge }]) =>
              `Node ${node} has no bridge ${bridge} (network ${name}), or the API token may not use it.`,
          );
      } catch (error) {
        if (!(error instanceof PveError)) throw error;
        return [`The bridges of node ${node} can't be listed: ${error.text}`];
      }
    }),
  );
  return found.flat();
}

function nodeProblems({ resources }: PreflightFacts): readonly string[] {
  const down = resources.nodes.filter((each) => !each.online).map((each) => `Node ${each.node} is down.`);
  const blind = resources.nodes.filter((each) => each.online && each.memory === 0).map((each) => each.node);
  if (blind.length === 0) return down;
  return [...down, `The API token lacks Sys.Audit on /nodes: the capacity of ${blind.join(', ')} is not known.`];
}
