import { createHash } from 'node:crypto';
import type { EnsureServer } from '@truffle/api/agent/v1/command';
import { isoImage } from '@truffle/qemu/iso';
import type { CommandRun } from '../command/effect.ts';
import { addressAt } from './address.ts';
import type { VmConfig } from './api.ts';
import { change } from './change.ts';
import { freeDrive, macAt } from './configure.ts';
import { isCloudInit } from './disk.ts';
import { ensureUploaded, listVolumes, removeVolume } from './library.ts';
import type { PveSite } from './site.ts';

/**
 * Has the VM boot with an image that says who it is (cloud-init's NoCloud), instead of the hypervisor's own drive. The image is named after
 * the server and its content; older ones of the server are removed.
 * @returns the configuration as it is then
 * @throws PveError, PveTaskError, or the run's signal's reason
 */
export async function attachSeed(
  site: PveSite,
  run: CommandRun,
  spec: EnsureServer,
  vm: { readonly node: string; readonly vmid: number; readonly config: VmConfig },
): Promise<VmConfig> {
  const image = seedImage(site, spec, vm.config);
  const digest = createHash('sha256').update(image).digest('hex').slice(0, 12);
  const at = { node: vm.node, storage: site.isoStorage ?? '' };
  const name = `${seedPrefix(spec.serverId)}${digest}.iso`;
  const volid = await ensureUploaded(site, run, at, name, image);
  const config = await change(site, run, vm, (options) => {
    const taken = driveOf(options, (value) => value.split(',')[0] === volid);
    if (taken !== undefined) return {};
    const own = driveOf(options, (value) => isCloudInit(value) || value.includes(`iso/${seedPrefix(spec.serverId)}`));
    return { [own ?? freeDrive(options)]: `${volid},media=cdrom` };
  });
  await removeSeeds(site, run, vm.node, spec.serverId, name);
  return config;
}

/** Removes the images that the server was booted with, except one; what can't be removed is said and left. @throws the run's signal's reason */
export async function removeSeeds(
  site: PveSite,
  run: CommandRun,
  node: string,
  serverId: string,
  except = '',
): Promise<void> {
  if (site.isoStorage === undefined) return;
  const at = { node, storage: site.isoStorage };
  const { client } = site.api;
  try {
    for (const { volid } of await listVolumes(client, at, 'iso', run.signal)) {
      const name = volid.split('/').at(-1) ?? '';
      if (name.startsWith(seedPrefix(serverId)) && name !== except) await removeVolume(client, at, volid, run.signal);
    }
  } catch (error) {
    run.signal.throwIfAborted();
    run.log(
      'agent',
      `an image of ${serverId} was left on ${at.storage}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

const seedPrefix = (serverId: string): string => `truffle-${serverId}-`;

function driveOf(options: VmConfig['options'], is: (value: string) => boolean): string | undefined {
  return Object.keys(options).find((key) => /^(ide|sata|scsi)\d+$/.test(key) && is(options[key] ?? ''));
}

/** JSON is YAML, so nothing of it needs YAML's own quoting. */
function seedImage(site: PveSite, spec: EnsureServer, config: VmConfig): Buffer {
  const user = {
    name: site.sshUser,
    ssh_authorized_keys: [site.sshPublicKey],
    sudo: 'ALL=(ALL) NOPASSWD:ALL',
    shell: '/bin/bash',
    lock_passwd: true,
  };
  const files = {
    'meta-data': JSON.stringify({ 'instance-id': spec.smbiosUuid, 'local-hostname': spec.name }),
    'user-data': `#cloud-config\n${JSON.stringify({
      hostname: spec.name,
      manage_etc_hosts: true,
      ssh_pwauth: false,
      users: [user],
    })}`,
    'network-config': JSON.stringify({ version: 2, ethernets: ethernets(site, spec, config) }),
  };
  return isoImage(
    'cidata',
    Object.entries(files).map(([name, text]) => ({ name, content: Buffer.from(`${text}\n`) })),
  );
}

function ethernets(site: PveSite, spec: EnsureServer, config: VmConfig): Record<string, unknown> {
  const cards = spec.networks.map((name, at) => {
    const match = { match: { macaddress: macAt(config, at) }, 'set-name': `eth${at}` };
    const address = addressAt(site, name, spec.vmid);
    const fixed = site.networks[name]?.static;
    if (address === undefined || fixed === undefined) return [`eth${at}`, { ...match, dhcp4: true }] as const;
    const route = { to: 'default', via: fixed.gateway };
    const routes = at === 0 ? { routes: [route] } : {};
    return [`eth${at}`, { ...match, addresses: [`${address}/${fixed.prefix}`], ...routes }] as const;
  });
  return Object.fromEntries(cards);
}
