import type { PveSite } from '../pve/site.ts';
import { type Finding, finding } from './finding.ts';

/** What is known when privileges are looked at. */
export interface PrivilegeFacts {
  readonly version: string;
  readonly tokenId: string;
  readonly images: readonly {
    readonly vmid: number;
    readonly facts: { readonly storages: readonly string[] } | undefined;
  }[];
}

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
  'VM.Migrate',
  'VM.PowerMgmt',
  'VM.Snapshot',
  'VM.Snapshot.Rollback',
];

/**
 * By path, what the token must have there; scoped to the pool, the templates, the storages and the bridges. `/` itself only for high
 * availability, which knows no narrower path. The guest agent's privilege changed its name in version 9: a role with the other one is refused.
 */
export function wantedPrivileges(
  site: PveSite,
  { version, images }: PrivilegeFacts,
): Readonly<Record<string, readonly string[]>> {
  const wanted = new Map<string, Set<string>>();
  const want = (path: string, ...privileges: readonly string[]): void => {
    const known = wanted.get(path) ?? new Set();
    wanted.set(path, new Set([...known, ...privileges]));
  };
  const servers = site.pool === undefined ? '/vms' : `/pool/${site.pool}`;
  want(servers, ...onServers, Number.parseInt(version, 10) >= 9 ? 'VM.GuestAgent.Audit' : 'VM.Monitor');
  for (const { vmid } of images) want(`/vms/${vmid}`, 'VM.Audit', 'VM.Clone');
  for (const name of new Set([...site.storages, ...images.flatMap((each) => each.facts?.storages ?? [])]))
    want(`/storage/${name}`, 'Datastore.AllocateSpace', 'Datastore.Audit');
  for (const { bridge, vlan } of Object.values(site.networks)) {
    // Virtual networks of SDN lie in zones that the site config does not name.
    if (bridge.startsWith('vmbr'))
      want(`/sdn/zones/localnetwork/${bridge}${vlan === undefined ? '' : `/${vlan}`}`, 'SDN.Use');
  }
  want('/nodes', 'Sys.Audit');
  for (const name of [site.isoStorage, site.importStorage]) {
    // Removing a file that is no guest's disk takes Datastore.Allocate.
    if (name !== undefined)
      want(`/storage/${name}`, 'Datastore.Allocate', 'Datastore.AllocateTemplate', 'Datastore.Audit');
  }
  if (site.importStorage !== undefined) {
    want('/nodes', 'Sys.AccessNetwork');
    want(servers, 'VM.Clone');
  }
  if (site.ha !== undefined) want('/', 'Sys.Audit', 'Sys.Console');
  return Object.fromEntries([...wanted].map(([path, privileges]) => [path, [...privileges].sort()]));
}

/** Each path where something is missing, with the commands that grant it. @throws PveError */
export async function privilegeFindings(
  site: PveSite,
  facts: PrivilegeFacts,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const wanted = Object.entries(wantedPrivileges(site, facts));
  const roles = await site.api.roles(signal);
  const found = await Promise.all(
    wanted.map(async ([path, privileges]) => {
      const has = await site.api.privilegesOn(path, signal);
      const missing = privileges.filter((each) => !has.has(each));
      if (missing.length === 0) return [];
      const problem = `The API token lacks ${missing.join(', ')} on ${path}.`;
      return [
        finding('privilege', path, problem, { missing, commands: grants(path, privileges, roles, facts.tokenId) }),
      ];
    }),
  );
  return found.flat();
}

/**
 * What root types. The role holds all that is wanted on the path and not only what is missing, as a role on a deeper path replaces what is
 * inherited; the token's user needs it as well, as a token never has more than its user.
 */
function grants(path: string, privileges: readonly string[], roles: ReadonlySet<string>, tokenId: string): string[] {
  const role = `Truffle${path.replaceAll(/[^A-Za-z0-9]+/g, '-')}`.replace(/-$/, '');
  const [user = ''] = tokenId.split('!');
  return [
    `pveum role ${roles.has(role) ? 'modify' : 'add'} ${role} --privs "${privileges.join(' ')}"`,
    `pveum acl modify ${path} --users '${user}' --roles ${role}`,
    `pveum acl modify ${path} --tokens '${tokenId}' --roles ${role}`,
  ];
}
