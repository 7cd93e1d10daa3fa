import type { EnsureServer } from '@truffle/api/agent/v1/command';
import type { CommandRun } from '../command/effect.ts';
import { addressAt } from './address.ts';
import type { VmConfig } from './api.ts';
import type { Here } from './clone.ts';
import { bootDisk, hasCloudInit } from './disk.ts';
import { PveError } from './error.ts';
import { faultOf } from './fault.ts';
import { hasTag, smbiosUuid } from './mark.ts';
import { jitter, pause } from './pause.ts';
import type { PveSite } from './site.ts';
import { waitForTask } from './task.ts';

const tries = 6;
const managedTag = 'truffle';

/**
 * Brings the VM's options to what is specified, in one compare-and-set, and only what differs. What only a restart can change of a running
 * VM becomes pending.
 * @returns the configuration as it is then
 */
export async function configure(site: PveSite, run: CommandRun, spec: EnsureServer, vm: Here): Promise<VmConfig> {
  let { config } = vm;
  for (let at = 0; ; at++) {
    const change = difference(site, spec, config.options);
    if (Object.keys(change).length === 0) return config;
    run.progress('configure', `setting ${Object.keys(change).sort().join(', ')}`);
    try {
      await site.api.setConfig(vm.node, spec.vmid, change, config.digest, run.signal);
    } catch (error) {
      if (at + 1 >= tries || !mayPass(error)) throw error;
    }
    await pause(at === 0 ? 0 : jitter(at, 100, 3_000), run.signal);
    config = await site.api.config(vm.node, spec.vmid, run.signal);
  }
}

/** Grows the boot disk to what is specified; a disk that is larger stays. @throws PveError, PveTaskError */
export async function grow(
  site: PveSite,
  run: CommandRun,
  spec: EnsureServer,
  node: string,
  config: VmConfig,
): Promise<void> {
  const wanted = Number(spec.diskBytes);
  for (let at = 0; ; at++) {
    const disk = bootDisk((at === 0 ? config : await site.api.config(node, spec.vmid, run.signal)).options);
    if (disk === undefined || disk.bytes >= wanted) return;
    run.progress('resize', `growing ${disk.key} to ${Math.round(wanted / 2 ** 20)} MiB`);
    try {
      const upid = await site.api.resize(node, spec.vmid, disk.key, wanted, run.signal);
      if (upid !== undefined) await waitForTask(site.api.client, upid, run.signal);
      return;
    } catch (error) {
      // A size that the configuration did not tell may already be larger.
      if (faultOf(error)?.code === 'PVE_SHRINK' && disk.bytes === 0) return;
      if (at + 1 >= tries || !mayPass(error)) throw error;
    }
    await pause(jitter(at, 200, 3_000), run.signal);
  }
}

/** The MAC address of the VM's first card, lower case; empty when it has none. */
export function firstMac(config: VmConfig): string {
  return macOf(config.options['net0'] ?? '').toLowerCase();
}

function difference(
  site: PveSite,
  spec: EnsureServer,
  options: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const wanted = { ...hardware(site, spec, options), ...cards(site, spec, options) };
  return Object.fromEntries(Object.entries(wanted).filter(([key, value]) => !same(key, options[key], value)));
}

function hardware(
  site: PveSite,
  spec: EnsureServer,
  options: Readonly<Record<string, string>>,
): Record<string, string> {
  const wanted: Record<string, string> = {
    name: spec.name,
    sockets: '1',
    cores: String(spec.cpu),
    memory: String(Math.ceil(Number(spec.memoryBytes) / 2 ** 20)),
    onboot: '1',
    tags: withTags(options['tags'] ?? '', [managedTag, spec.serverId]),
    ciuser: site.sshUser,
    // Proxmox VE wants it percent-encoded once, before the form's own encoding.
    sshkeys: encodeURIComponent(site.sshPublicKey),
  };
  if (smbiosUuid(options['smbios1'] ?? '') !== spec.smbiosUuid.toLowerCase())
    wanted['smbios1'] = withUuid(options['smbios1'] ?? '', spec.smbiosUuid);
  if (!/^(1|enabled=1)/.test(options['agent'] ?? '')) wanted['agent'] = '1';
  // Debian's cloud images panic without a serial port.
  if (options['serial0'] === undefined) wanted['serial0'] = 'socket';
  if (!hasCloudInit(options)) wanted[freeDrive(options)] = `${site.storage}:cloudinit`;
  return wanted;
}

function cards(site: PveSite, spec: EnsureServer, options: Readonly<Record<string, string>>): Record<string, string> {
  const wanted: Record<string, string> = {};
  for (const [at, name] of spec.networks.entries()) {
    const network = site.networks[name];
    if (network === undefined) continue;
    const before = options[`net${at}`] ?? 'virtio';
    wanted[`net${at}`] = withBridge(before, network.bridge, network.vlan);
    const address = addressAt(site, name, spec.vmid);
    wanted[`ipconfig${at}`] =
      address === undefined
        ? 'ip=dhcp'
        : `ip=${address}/${network.static?.prefix ?? 24},gw=${network.static?.gateway ?? ''}`;
  }
  return wanted;
}

function same(key: string, is: string | undefined, wanted: string): boolean {
  if (is === undefined) return key === 'sockets' && wanted === '1';
  if (key === 'sshkeys') return decoded(is) === decoded(wanted);
  if (/^net\d+$/.test(key)) return sorted(is, ',') === sorted(wanted, ',');
  if (key === 'tags') return sorted(is.replaceAll(/[, ]/g, ';'), ';') === sorted(wanted, ';');
  return is === wanted;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text).trim();
  } catch {
    return text;
  }
}

const sorted = (text: string, by: string): string => text.split(by).sort().join(by);

function withTags(tags: string, own: readonly string[]): string {
  const before = tags.split(/[;, ]+/).filter((tag) => tag !== '');
  return [...before, ...own.filter((tag) => !hasTag(tags, tag))].join(';');
}

function withUuid(smbios1: string, uuid: string): string {
  const rest = smbios1.split(',').filter((part) => part !== '' && !part.startsWith('uuid='));
  return [`uuid=${uuid}`, ...rest].join(',');
}

function withBridge(card: string, bridge: string, vlan: number | undefined): string {
  const kept = card.split(',').filter((part) => !/^(bridge|tag)=/.test(part));
  return [...kept, `bridge=${bridge}`, ...(vlan === undefined ? [] : [`tag=${vlan}`])].join(',');
}

function macOf(card: string): string {
  return /=((?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2})(?:,|$)/.exec(card)?.[1] ?? '';
}

function freeDrive(options: Readonly<Record<string, string>>): string {
  return ['ide2', 'ide0', 'ide3', 'sata5'].find((key) => options[key] === undefined) ?? 'ide2';
}

/** A change that lost a race, met a lock or perhaps took effect: read again and act on what is. */
function mayPass(error: unknown): boolean {
  const fault = faultOf(error);
  return (
    fault?.passes === true || fault?.code === 'PVE_LOCKED' || (error instanceof PveError && error.reach === 'uncertain')
  );
}
