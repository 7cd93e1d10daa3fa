import { isIPv4, isIPv6 } from 'node:net';
import { PRIVILEGES } from '../access/privileges.ts';
import { type CheckValue, checkPropertyString } from './property-string.ts';
import type { Property } from './table.ts';

/** Answers what is wrong with a value (ended by a newline, as the real one says it), nothing when it fits. */
type Checker = (value: string, key: string, checkValue: CheckValue) => string | undefined;

const must =
  (pattern: RegExp, problem: (value: string) => string): Checker =>
  (value) =>
    pattern.test(value) ? undefined : `${problem(value)}\n`;

const isCidr = (value: string): boolean => {
  const [address = '', bits = ''] = value.split('/');
  if (!/^\d+$/.test(bits)) return false;
  return (isIPv4(address) && Number(bits) <= 32) || (isIPv6(address) && Number(bits) <= 128);
};

const when =
  (test: (value: string) => boolean, problem: string): Checker =>
  (value) =>
    test(value) ? undefined : `${problem}\n`;

const DNS_NAME = /^(([a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)\.)*([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)$/;
const IPCONFIG: Record<string, Property> = {
  ip: { optional: 1, format: 'pve-ipv4-config' },
  gw: { optional: 1, format: 'ipv4' },
  ip6: { optional: 1, format: 'pve-ipv6-config' },
  gw6: { optional: 1, format: 'ipv6' },
};
const CPU: Record<string, Property> = {
  cputype: { optional: 1, default_key: 1 },
  flags: { optional: 1 },
  hidden: { optional: 1, type: 'boolean' },
  'hv-vendor-id': { optional: 1 },
  'guest-phys-bits': { optional: 1, type: 'integer', minimum: 32, maximum: 64 },
  level: { optional: 1, type: 'integer' },
  'phys-bits': { optional: 1 },
  'reported-model': { optional: 1 },
};
const SMBIOS: Record<string, Property> = {
  uuid: { optional: 1, pattern: '[a-fA-F0-9]{8}(?:-[a-fA-F0-9]{4}){3}-[a-fA-F0-9]{12}' },
  base64: { optional: 1, type: 'boolean' },
  version: { optional: 1 },
  serial: { optional: 1 },
  manufacturer: { optional: 1 },
  product: { optional: 1 },
  sku: { optional: 1 },
  family: { optional: 1 },
};
const BOOT: Record<string, Property> = {
  legacy: { optional: 1, default_key: 1, pattern: '[acdn]{1,4}' },
  order: { optional: 1 },
};
const CICUSTOM: Record<string, Property> = {
  meta: { optional: 1, format: 'pve-volume-id' },
  network: { optional: 1, format: 'pve-volume-id' },
  user: { optional: 1, format: 'pve-volume-id' },
  vendor: { optional: 1, format: 'pve-volume-id' },
};

const strings =
  (keys: Record<string, Property>): Checker =>
  (value, key, checkValue) =>
    checkPropertyString(keys, value, key, checkValue);

const userid = must(
  /^[^\s:/]+@[A-Za-z][A-Za-z0-9.\-_]+$/,
  (value) => `value '${value}' does not look like a valid user name`,
);
const volume = must(/^([A-Za-z][A-Za-z0-9\-_.]*[A-Za-z0-9]):(.+)$/, (value) => `unable to parse volume ID '${value}'`);

/** Named formats of the PVE JSON schema; a name that is not here accepts any text. */
const FORMATS: Readonly<Record<string, Checker>> = {
  'pve-vmid': must(/^[1-9]\d{2,8}$/, () => 'value does not look like a valid VM ID'),
  'pve-node': must(/^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$/, () => 'value does not look like a valid node name'),
  'pve-configid': must(/^[a-z][a-z0-9_-]+$/i, (value) => `invalid configuration ID '${value}'`),
  'pve-storage-id': must(
    /^[a-z][a-z0-9\-_.]*[a-z0-9]$/i,
    (value) => `storage ID '${value}' contains illegal characters`,
  ),
  'pve-poolid': must(
    /^[A-Za-z0-9.\-_]+(\/[A-Za-z0-9.\-_]+){0,2}$/,
    (value) => `pool name '${value}' contains invalid characters`,
  ),
  'pve-roleid': must(/^[A-Za-z0-9.\-_]+$/, (value) => `role name '${value}' contains invalid characters`),
  'pve-groupid': must(/^[A-Za-z0-9.\-_]+$/, (value) => `group name '${value}' contains invalid characters`),
  'pve-realm': must(/^[A-Za-z][A-Za-z0-9.\-_]+$/, () => 'value does not look like a valid realm'),
  'pve-userid': userid,
  'pve-tokenid': must(
    /^[^\s:/]+@[A-Za-z][A-Za-z0-9.\-_]+![A-Za-z][A-Za-z0-9.\-_]+$/,
    (value) => `value '${value}' does not look like a valid token ID`,
  ),
  'pve-priv': (value) => (PRIVILEGES.includes(value) ? undefined : `invalid privilege '${value}'\n`),
  'pve-tag': must(/^[a-z0-9_][a-z0-9_\-+.]*$/i, () => 'invalid characters in tag'),
  'pve-bridge-id': must(/^[-_.\w\d]+$/, (value) => `invalid bridge '${value}'`),
  'pve-storage-content': must(
    /^(images|rootdir|vztmpl|iso|backup|snippets|import|none)$/,
    (value) => `invalid content type '${value}'`,
  ),
  'pve-iface': must(/^[a-z][a-z0-9_]{1,20}([:.]\d+)?$/i, (value) => `invalid network interface name '${value}'`),
  'pve-volume-id': volume,
  'pve-volume-id-or-qm-path': (value, key, check) =>
    value === 'none' || value === 'cdrom' || value.startsWith('/') ? undefined : volume(value, key, check),
  'pve-volume-id-or-absolute-path': (value, key, check) =>
    value.startsWith('/') ? undefined : volume(value, key, check),
  'pve-qm-ipconfig': strings(IPCONFIG),
  'pve-vm-cpu-conf': strings(CPU),
  'pve-qm-smbios1': strings(SMBIOS),
  'pve-qm-boot': strings(BOOT),
  'pve-qm-cicustom': strings(CICUSTOM),
  'pve-qm-bootdisk': must(/^(ide|sata|scsi|virtio)\d+$/, (value) => `invalid boot disk '${value}'`),
  'pve-hotplug-features': must(
    /^([01]|(network|disk|cpu|memory|usb|cloudinit)(,(network|disk|cpu|memory|usb|cloudinit))*)$/,
    () => 'unable to parse hotplug option',
  ),
  'pve-startup-order': must(/^\d+$|^(order=\d+)?(,?(up|down)=\d+)*$/, () => 'unable to parse startup options'),
  'pve-ipv4-config': when(
    (value) => value === 'dhcp' || value === 'manual' || (isCidr(value) && value.includes('.')),
    'value does not look like a valid ipv4 network configuration',
  ),
  'pve-ipv6-config': when(
    (value) => ['auto', 'dhcp', 'manual'].includes(value) || (isCidr(value) && value.includes(':')),
    'value does not look like a valid ipv6 network configuration',
  ),
  'pve-task-status-type': must(/^(unknown|error|warning|ok)$/i, (value) => `invalid task status type '${value}'`),
  'dns-name': when((value) => DNS_NAME.test(value) && value.length <= 255, 'value does not look like a valid DNS name'),
  'email-opt': when(
    (value) => value === '' || /^[\w+\-~]+(\.[\w+\-~]+)*@[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)*$/.test(value),
    'value does not look like a valid email address',
  ),
  'mac-addr': must(
    /^[a-f0-9][02468ace](?::[a-f0-9]{2}){5}$/i,
    (value) => `value is not a valid unicast MAC address: ${value}`,
  ),
  'disk-size': must(/^(\d+(\.\d+)?)([KMGT]?)$/, (value) => `value does not look like a valid disk size: ${value}`),
  address: when(
    (value) => isIPv4(value) || isIPv6(value) || DNS_NAME.test(value),
    'value does not look like a valid address',
  ),
  ipv4: when(isIPv4, 'value does not look like a valid IPv4 address'),
  ipv6: when(isIPv6, 'value does not look like a valid IPv6 address'),
  CIDR: when(isCidr, 'value does not look like a valid CIDR network'),
  urlencoded: (value) => (/^[-%a-zA-Z0-9_.!~*'()]*$/.test(value) ? undefined : `invalid urlencoded string: ${value}\n`),
};

/** Checks a value against a named format; `x-list` and `x-opt` follow from `x`. */
export function checkFormat(name: string, value: string, key: string, checkValue: CheckValue): string | undefined {
  const exact = FORMATS[name];
  if (exact !== undefined) return exact(value, key, checkValue);
  const [, base, suffix] = /^(.*)-(list|opt)$/.exec(name) ?? [];
  const checker = base === undefined ? undefined : FORMATS[base];
  if (checker === undefined) return undefined;
  if (suffix === 'opt') return value === '' ? undefined : checker(value, key, checkValue);
  for (const item of listOf(value)) {
    const problem = checker(item, key, checkValue);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** Splits a list the way PVE does: commas, semicolons, blanks or NULs. */
export function listOf(text: string): string[] {
  return text.split(/[,;\s\0]+/).filter((item) => item !== '');
}
