import { createHash } from 'node:crypto';
import { type Call, need, vmid } from '../call.ts';
import { RunError } from '../errors.ts';
import { readPropertyString } from '../schema/property-string.ts';
import { drives, isCloudinit } from './drive.ts';
import { readCard } from './bridge.ts';
import type { Config, Vm } from './vm.ts';

/** Public keys of `sshkeys`, decoded. */
export function authorizedKeys(config: Config): string[] {
  const encoded = config['sshkeys'];
  if (encoded === undefined) return [];
  return decodeURIComponent(encoded)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

/** The address `ipconfigN` gives a card. */
export interface IpConfig {
  ip?: string;
  gateway?: string;
  ip6?: string;
}

export function readIpConfig(config: Config, index = 0): IpConfig {
  const { ip, gw, ip6 } = readPropertyString(config[`ipconfig${index}`] ?? '', 'bare');
  return {
    ...(ip === undefined ? {} : { ip }),
    ...(gw === undefined ? {} : { gateway: gw }),
    ...(ip6 === undefined ? {} : { ip6 }),
  };
}

function userData(vm: Vm): string {
  const { config } = vm;
  const name = config['name'] ?? `VM${vm.vmid}`;
  const keys = authorizedKeys(config);
  return [
    '#cloud-config',
    `hostname: ${name.split('.')[0]}`,
    'manage_etc_hosts: true',
    `fqdn: ${name}`,
    ...(config['ciuser'] === undefined ? [] : [`user: ${config['ciuser']}`]),
    ...(config['cipassword'] === undefined ? [] : [`password: ${config['cipassword']}`]),
    ...(keys.length === 0 ? [] : ['ssh_authorized_keys:', ...keys.map((key) => `  - ${key}`)]),
    'chpasswd:',
    '  expire: False',
    'users:',
    '  - default',
    `package_upgrade: ${config['ciupgrade'] === '0' ? 'false' : 'true'}`,
    '',
  ].join('\n');
}

function networkData(vm: Vm): string {
  const lines = ['version: 1', 'config:'];
  for (const key of Object.keys(vm.config)
    .filter((one) => /^net\d+$/.test(one))
    .sort()) {
    const index = Number(key.slice(3));
    const { ip, gateway } = readIpConfig(vm.config, index);
    lines.push(
      '    - type: physical',
      `      name: eth${index}`,
      `      mac_address: '${readCard(vm.config[key] ?? '').mac.toLowerCase()}'`,
    );
    if (ip === undefined) continue;
    lines.push('      subnets:');
    if (ip === 'dhcp') lines.push('      - type: dhcp4');
    else
      lines.push(
        '      - type: static',
        `        address: '${ip.split('/')[0]}'`,
        `        netmask: '${netmask(Number(ip.split('/')[1] ?? 24))}'`,
        ...(gateway === undefined ? [] : [`        gateway: '${gateway}'`]),
      );
  }
  if (vm.config['nameserver'] !== undefined)
    lines.push(
      '    - type: nameserver',
      '      address:',
      ...vm.config['nameserver'].split(' ').map((one) => `      - '${one}'`),
    );
  return `${lines.join('\n')}\n`;
}

function netmask(bits: number): string {
  const mask = bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
  return [24, 16, 8, 0].map((shift) => (mask >>> shift) & 255).join('.');
}

/** GET …/cloudinit/dump */
export function dumpCloudinit(call: Call): string {
  const vm = call.cluster.vm(vmid(call), call.node);
  const type = need(call, 'type');
  if (type === 'user') return userData(vm);
  if (type === 'network') return networkData(vm);
  return `instance-id: ${createHash('sha1')
    .update(userData(vm) + networkData(vm))
    .digest('hex')}\n`;
}

/** PUT …/cloudinit: writes the drive anew. */
export function regenerateCloudinit(call: Call): null {
  const vm = call.cluster.vm(vmid(call), call.node);
  if (!drives(vm.config).some(isCloudinit)) throw new RunError('no cloud-init drive found');
  call.cluster.guests.reconfigured(vm);
  return null;
}
