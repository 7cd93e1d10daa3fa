import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import type { SiteNetwork, Waits } from '../pve/site.ts';
import { type QemuConfig, readQemuConfig } from './config.qemu.ts';
import { Reader, SiteConfigError } from './reader.ts';
import { addressOf, label, readChoice, readSshUser, readVmids, vmidBounds } from './reading.ts';

/** One site, as its operator describes it. */
export type SiteConfig = PveConfig | QemuConfig;

/** A site of Proxmox VE. Files are named by absolute path. */
export interface PveConfig {
  readonly driver: 'pve';
  readonly urls: readonly string[];
  /** Address by node, where the config says so. */
  readonly nodes: Readonly<Record<string, string>>;
  readonly tokenId: string;
  readonly tokenSecretFile: string;
  readonly caFile: string;
  readonly pool: string | undefined;
  readonly vmids: { readonly first: number; readonly last: number };
  readonly storage: string;
  /** What commands may name besides it. */
  readonly storages: readonly string[];
  readonly clone: 'linked' | 'full';
  readonly cloudInit: 'native' | 'no-cloud';
  readonly isoStorage: string | undefined;
  readonly importStorage: string | undefined;
  readonly ha: { readonly group: string | undefined } | undefined;
  readonly images: Readonly<Record<string, readonly number[]>>;
  readonly networks: Readonly<Record<string, SiteNetwork>>;
  readonly sshUser: string;
  readonly bastion: BastionConfig | undefined;
  readonly limits: { readonly clonesPerTemplate: number; readonly clonesPerStorage: number };
  readonly waits: Waits;
}

export interface BastionConfig {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly keyFile: string;
  /** `SHA256:…` as `ssh-keygen -l` prints it. */
  readonly hostKeySha256: string;
}

/** Reads the site config from a YAML file; files it names are relative to it. @throws SiteConfigError, or when the file can't be read */
export function readSiteConfig(path: string): SiteConfig {
  return parseSiteConfig(readFileSync(path, 'utf8'), dirname(path));
}

/** Parses a site config. @param baseDir what file names are relative to @throws SiteConfigError naming the key */
export function parseSiteConfig(text: string, baseDir: string): SiteConfig {
  let data: unknown;
  try {
    data = parse(text, { maxAliasCount: 10 });
  } catch (error) {
    throw new SiteConfigError('', `is no YAML: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : ''}`);
  }
  const top = new Reader('', data);
  const driver = top.text('driver', { is: 'the kind of hypervisor: pve or qemu' });
  if (driver === 'qemu') return readQemuConfig(top, baseDir);
  if (driver !== 'pve') throw new SiteConfigError('driver', 'must be pve or qemu');
  return readPveConfig(top, baseDir);
}

function readPveConfig(top: Reader, baseDir: string): PveConfig {
  const config: PveConfig = {
    driver: 'pve',
    ...readUrls(top),
    tokenId: top.text('tokenId', { pattern: /^[^@\s]+@[^!\s]+![A-Za-z][\w.-]*$/, is: 'the token as user@realm!name' }),
    tokenSecretFile: resolve(baseDir, top.text('tokenSecretFile', { is: 'the file that holds the token’s secret' })),
    caFile: resolve(
      baseDir,
      top.text('caFile', { is: 'the file that holds the cluster’s CA, a copy of /etc/pve/pve-root-ca.pem' }),
    ),
    pool: top.has('pool') ? top.text('pool', { pattern: /^[\w./-]+$/, is: 'the name of a pool' }) : undefined,
    vmids: readVmids(top),
    ...readStorages(top),
    clone: readChoice(top, 'clone', ['linked', 'full']),
    cloudInit: readCloudInit(top),
    ha: top.has('ha') ? readHa(top.inner('ha')) : undefined,
    images: readImages(top.inner('images')),
    networks: readNetworks(top.inner('networks')),
    sshUser: readSshUser(top),
    bastion: top.has('bastion') ? readBastion(top.inner('bastion'), baseDir) : undefined,
    limits: readLimits(top.inner('limits', true)),
    waits: readWaits(top.inner('waits', true)),
  };
  top.done();
  return config;
}

/** `url`, a list of `urls`, or a mapping of nodes to their addresses. */
function readUrls(top: Reader): Pick<PveConfig, 'urls' | 'nodes'> {
  if (top.has('url')) return { urls: [originOf('url', top.text('url'))], nodes: {} };
  if (!top.isMapping('urls')) return { urls: top.list('urls').map((each) => originOf('urls', each)), nodes: {} };
  const byNode = top.inner('urls');
  const nodes = Object.fromEntries(byNode.keys().map((node) => [node, originOf(byNode.at(node), byNode.text(node))]));
  if (Object.keys(nodes).length === 0) throw new SiteConfigError('urls', 'must name at least one address');
  return { urls: Object.values(nodes), nodes };
}

function originOf(key: string, url: unknown): string {
  const parsed = typeof url === 'string' && URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== 'https:' || parsed.pathname !== '/' || parsed.username !== '' || parsed.search !== '') {
    throw new SiteConfigError(key, 'must be an address such as https://pve1.example.com:8006');
  }
  // The usual port, unless the address says otherwise (443 included).
  if (parsed.port === '' && !/:443\/?$/.test(String(url))) parsed.port = '8006';
  return parsed.origin;
}

const storageName = { pattern: /^[A-Za-z][\w.-]*$/, is: 'the name of a storage' };

function readStorages(top: Reader): Pick<PveConfig, 'storage' | 'storages' | 'isoStorage' | 'importStorage'> {
  const optional = (name: string): string | undefined => (top.has(name) ? top.text(name, storageName) : undefined);
  const named = top.has('storages') ? top.list('storages') : [];
  return {
    storage: top.text('storage', storageName),
    storages: named.map((each) => new Reader(top.at('storages'), { each }).text('each', storageName)),
    isoStorage: optional('isoStorage'),
    importStorage: optional('importStorage'),
  };
}

function readCloudInit(top: Reader): PveConfig['cloudInit'] {
  const cloudInit = readChoice(top, 'cloudInit', ['native', 'no-cloud']);
  if (cloudInit === 'no-cloud' && !top.has('isoStorage'))
    throw new SiteConfigError('isoStorage', 'is missing: cloudInit is no-cloud (a storage for ISO images)');
  return cloudInit;
}

function readHa(ha: Reader): PveConfig['ha'] {
  const group = ha.has('group')
    ? ha.text('group', { pattern: /^[A-Za-z][\w-]*$/, is: 'the name of a group' })
    : undefined;
  ha.done();
  return { group };
}

function readImages(images: Reader): PveConfig['images'] {
  const all = images.keys().map((name) => {
    if (!label.test(name))
      throw new SiteConfigError(images.at(name), 'must be named in lower-case letters, digits, dots and dashes');
    const image = images.inner(name);
    const vmids = image.has('vmids')
      ? image.list('vmids').map((vmid) => new Reader(image.at('vmids'), { each: vmid }).whole('each', vmidBounds))
      : [image.whole('vmid', vmidBounds)];
    image.done();
    return [name, vmids] as const;
  });
  if (all.length === 0) throw new SiteConfigError('images', 'must name at least one image');
  return Object.fromEntries(all);
}

function readNetworks(networks: Reader): PveConfig['networks'] {
  const all = networks.keys().map((name) => {
    if (!label.test(name))
      throw new SiteConfigError(networks.at(name), 'must be named in lower-case letters, digits, dots and dashes');
    const network = networks.inner(name);
    const bridge = network.text('bridge', { pattern: /^[\w.-]{1,15}$/, is: 'the name of a bridge' });
    const vlan = network.has('vlan') ? { vlan: network.whole('vlan', { min: 1, max: 4094 }) } : {};
    const fixed = network.has('static') ? { static: readStatic(network.inner('static')) } : {};
    network.done();
    return [name, { bridge, ...vlan, ...fixed }] as const;
  });
  if (all.length === 0) throw new SiteConfigError('networks', 'must name at least one network');
  return Object.fromEntries(all);
}

function readStatic(fixed: Reader): NonNullable<SiteNetwork['static']> {
  const read = {
    first: addressOf(fixed, 'first'),
    prefix: fixed.whole('prefix', { min: 1, max: 30 }),
    gateway: addressOf(fixed, 'gateway'),
  };
  fixed.done();
  return read;
}

function readBastion(bastion: Reader, baseDir: string): BastionConfig {
  const read = {
    host: bastion.text('host', { is: 'a host name or address' }),
    port: bastion.whole('port', { fallback: 22, min: 1, max: 65_535 }),
    user: bastion.text('user', { is: 'a user name' }),
    keyFile: resolve(baseDir, bastion.text('keyFile', { is: 'the file that holds the private key' })),
    hostKeySha256: bastion.text('hostKeySha256', {
      pattern: /^SHA256:[A-Za-z0-9+/]{43}$/,
      is: 'SHA256:… as `ssh-keygen -l` prints it',
    }),
  };
  bastion.done();
  return read;
}

function readLimits(limits: Reader): PveConfig['limits'] {
  const read = {
    clonesPerTemplate: limits.whole('clonesPerTemplate', { fallback: 8, min: 1, max: 64 }),
    clonesPerStorage: limits.whole('clonesPerStorage', { fallback: 8, min: 1, max: 64 }),
  };
  limits.done();
  return read;
}

function readWaits(waits: Reader): Waits {
  const seconds = (name: string, fallback: number): number =>
    waits.whole(name, { fallback, min: 1, max: 3_600 }) * 1_000;
  const read = {
    addressMs: seconds('addressSeconds', 300),
    sshMs: seconds('sshSeconds', 180),
    nodeMs: seconds('nodeSeconds', 5),
    shutdownMs: seconds('shutdownSeconds', 30),
    lockMs: seconds('lockSeconds', 120),
    lostReplyMs: seconds('lostReplySeconds', 5),
  };
  waits.done();
  return read;
}
