import { resolve } from 'node:path';
import type { QemuNetwork, QemuWaits } from '../qemu/site.ts';
import { type Reader, SiteConfigError } from './reader.ts';
import { addressOf, label, readChoice, readSshUser, readVmids } from './reading.ts';

/** A site whose servers are QEMU processes on the agent's own machine. Files are named by absolute path. */
export interface QemuConfig {
  readonly driver: 'qemu';
  /** Holds a folder for each machine. */
  readonly folder: string;
  readonly vmids: { readonly first: number; readonly last: number };
  /** The file or folder that describes each image. */
  readonly images: Readonly<Record<string, string>>;
  readonly networks: Readonly<Record<string, QemuNetwork>>;
  readonly clone: 'linked' | 'full';
  /** `auto`: KVM where a guest really runs under it. */
  readonly accel: 'auto' | 'kvm' | 'tcg';
  /** Whether guests reach what this machine reaches. */
  readonly internet: boolean;
  readonly sshUser: string;
  readonly waits: QemuWaits;
}

/** Reads what follows `driver: qemu`. @param baseDir what file names are relative to @throws SiteConfigError naming the key */
export function readQemuConfig(top: Reader, baseDir: string): QemuConfig {
  const vmids = readVmids(top);
  const config: QemuConfig = {
    driver: 'qemu',
    folder: resolve(baseDir, top.text('folder', { is: 'the folder that machines are kept in' })),
    vmids,
    images: readImages(top.inner('images'), baseDir),
    networks: readNetworks(top.inner('networks'), vmids.last - vmids.first + 1),
    clone: readChoice(top, 'clone', ['linked', 'full']),
    accel: readChoice(top, 'accel', ['auto', 'kvm', 'tcg']),
    internet: readChoice(top, 'internet', ['off', 'on']) === 'on',
    sshUser: readSshUser(top),
    waits: readWaits(top.inner('waits', true)),
  };
  top.done();
  return config;
}

function readImages(images: Reader, baseDir: string): QemuConfig['images'] {
  const all = images.keys().map((name) => {
    if (!label.test(name))
      throw new SiteConfigError(images.at(name), 'must be named in lower-case letters, digits, dots and dashes');
    const image = images.inner(name);
    const path = resolve(baseDir, image.text('path', { is: 'the folder or the JSON file of an image' }));
    image.done();
    return [name, path] as const;
  });
  return Object.fromEntries(all);
}

function readNetworks(networks: Reader, numbers: number): QemuConfig['networks'] {
  const all = networks.keys().map((name) => {
    if (!label.test(name))
      throw new SiteConfigError(networks.at(name), 'must be named in lower-case letters, digits, dots and dashes');
    const network = networks.inner(name);
    const first = addressOf(network, 'first');
    const prefix = network.whole('prefix', { min: 8, max: 30 });
    network.done();
    const value = first.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
    const host = value % 2 ** (32 - prefix);
    if (host === 0 || host + numbers > 2 ** (32 - prefix) - 1)
      throw new SiteConfigError(networks.at(name), `has no address for each of the ${numbers} numbers of vmids`);
    return [name, { first, prefix }] as const;
  });
  if (all.length === 0) throw new SiteConfigError('networks', 'must name at least one network');
  return Object.fromEntries(all);
}

function readWaits(waits: Reader): QemuWaits {
  const seconds = (name: string, fallback: number): number =>
    waits.whole(name, { fallback, min: 1, max: 3_600 }) * 1_000;
  const read = {
    sshMs: seconds('sshSeconds', 180),
    loginMs: seconds('loginSeconds', 90),
    shutdownMs: seconds('shutdownSeconds', 30),
  };
  waits.done();
  return read;
}
