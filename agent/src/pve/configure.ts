import type { EnsureServer } from '@truffle/api/agent/v1/command';
import type { CommandRun } from '../command/effect.ts';
import { addressAt } from './address.ts';
import type { VmConfig } from './api.ts';
import type { Here } from './clone.ts';
import { change } from './change.ts';
import type { Choice } from './choice.ts';
import { bootDisk, hasCloudInit } from './disk.ts';
import { faultOf, mayPass } from './fault.ts';
import { hasTag, smbiosUuid } from './mark.ts';
import { jitter, pause } from './pause.ts';
import type { PveSite } from './site.ts';
import { waitForTask } from './task.ts';

const tries = 6;
/** Every VM of ours carries it. */
const managedTag = 'truffle';

/**
 * Brings the VM's options to what is specified, in one compare-and-set, and only what differs. What only a restart can change of a running
 * VM becomes pending.
 * @returns the configuration as it is then
 */
export function configure(
  site: PveSite,
  run: CommandRun,
  spec: EnsureServer,
  choice: Choice,
  vm: Here,
): Promise<VmConfig> {
  return change(site, run, { node: vm.node, vmid: spec.vmid, config: vm.config }, (options) =>
    wantedOptions(site, spec, choice, options),
  );
}

/** Grows the boot disk to what is specified; a disk that is larger stays. @throws PveError, PveTaskError */
export async function grow(
  site: PveSite,
  run: CommandRun,
  spec: { readonly vmid: number; readonly diskBytes: bigint },
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

/** The MAC address of the VM's nth card, lower case; empty when it has none. */
export function macAt(config: VmConfig, at: number): string {
  return macOf(config.options[`net${at}`] ?? '').toLowerCase();
}

function wantedOptions(
  site: PveSite,
  spec: EnsureServer,
  choice: Choice,
  options: Readonly<Record<string, string>>,
): Record<string, string> {
  const wanted = { ...hardware(spec, options), ...cards(site, spec, choice, options) };
  // The image that the agent makes says who the guest is; it is put into the drive once the cards have their addresses.
  return choice.cloudInit === 'no-cloud' ? wanted : { ...wanted, ...person(site, choice, options) };
}

function hardware(spec: EnsureServer, options: Readonly<Record<string, string>>): Record<string, string> {
  const wanted: Record<string, string> = {
    name: spec.name,
    sockets: '1',
    cores: String(spec.cpu),
    memory: String(Math.ceil(Number(spec.memoryBytes) / 2 ** 20)),
    onboot: '1',
    tags: withTags(options['tags'] ?? '', [managedTag, spec.serverId, ...spec.tags]),
  };
  if (smbiosUuid(options['smbios1'] ?? '') !== spec.smbiosUuid.toLowerCase())
    wanted['smbios1'] = withUuid(options['smbios1'] ?? '', spec.smbiosUuid);
  if (!/^(1|enabled=1)/.test(options['agent'] ?? '')) wanted['agent'] = '1';
  // Debian's cloud images panic without a serial port.
  if (options['serial0'] === undefined) wanted['serial0'] = 'socket';
  return wanted;
}

/** Who the guest is and who may enter it, in the hypervisor's own options. */
function person(site: PveSite, choice: Choice, options: Readonly<Record<string, string>>): Record<string, string> {
  return {
    ciuser: site.sshUser,
    // Proxmox VE wants it percent-encoded once, before the form's own encoding.
    sshkeys: encodeURIComponent(site.sshPublicKey),
    ...(hasCloudInit(options) ? {} : { [freeDrive(options)]: `${choice.storage}:cloudinit` }),
  };
}

function cards(
  site: PveSite,
  spec: EnsureServer,
  choice: Choice,
  options: Readonly<Record<string, string>>,
): Record<string, string> {
  const wanted: Record<string, string> = {};
  for (const [at, name] of spec.networks.entries()) {
    const network = site.networks[name];
    if (network === undefined) continue;
    const before = options[`net${at}`] ?? 'virtio';
    wanted[`net${at}`] = withBridge(before, network.bridge, network.vlan);
    if (choice.cloudInit === 'no-cloud') continue;
    const address = addressAt(site, name, spec.vmid);
    wanted[`ipconfig${at}`] =
      address === undefined
        ? 'ip=dhcp'
        : `ip=${address}/${network.static?.prefix ?? 24},gw=${network.static?.gateway ?? ''}`;
  }
  return wanted;
}

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

/** A drive's place that nothing uses. */
export function freeDrive(options: Readonly<Record<string, string>>): string {
  return ['ide2', 'ide0', 'ide3', 'sata5'].find((key) => options[key] === undefined) ?? 'ide2';
}
