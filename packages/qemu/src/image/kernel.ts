import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { QemuError } from '../error.ts';
import { type CpioEntry, cpioArchive } from './cpio.ts';
import { guestFiles } from './guest-files.ts';
import { type Workshop, must } from './workshop.ts';

/** Debian's kernel for virtual machines: the disk's file system and the ways to begin are built in, its drivers are modules. */
export const kernelPackage = 'linux-image-cloud-amd64';

/** In the order in which they need each other. One that this kernel has built in is passed over. */
const modules = [
  'drivers/virtio/virtio_ring',
  'drivers/virtio/virtio',
  'drivers/virtio/virtio_pci_modern_dev',
  'drivers/virtio/virtio_pci_legacy_dev',
  'drivers/virtio/virtio_pci',
  'drivers/block/virtio_blk',
  'net/core/failover',
  'drivers/net/net_failover',
  'drivers/net/virtio_net',
  'drivers/char/virtio_console',
  'drivers/char/hw_random/virtio-rng',
  'drivers/cdrom/cdrom',
  'fs/isofs/isofs',
  'drivers/acpi/button',
  'drivers/input/evdev',
];

/** Makes the kernel, as QEMU begins it without unpacking, and the first program that runs under it: `vmlinux` and `initrd.img` in `product`. */
export async function buildKernel(workshop: Workshop, product: string): Promise<void> {
  const root = join(workshop.folder, 'kernel-root');
  const name = `$(apt-cache depends ${kernelPackage} | sed -n 's/^ *Depends: \\(linux-image-[0-9]\\)/\\1/p' | head -n 1)`;
  const hook = `cd "$1" && export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" && apt-get -q download "${name}"`;
  await workshop.bootstrap(root, 'extract', ['busybox-static'], [hook]);
  const [archive] = globSync('linux-image-*.deb', { cwd: root });
  if (archive === undefined) throw failed(`The archive has no ${kernelPackage}`);
  const tree = join(workshop.folder, 'kernel');
  await must(workshop, 'dpkg-deb', ['-x', join(root, archive), tree]);
  const [packed] = globSync('boot/vmlinuz-*', { cwd: tree });
  if (packed === undefined) throw failed(`${archive} holds no kernel`);
  mkdirSync(product, { recursive: true });
  writeFileSync(join(product, 'vmlinux'), await unpacked(workshop, readFileSync(join(tree, packed))));
  writeFileSync(join(product, 'initrd.img'), initrd(tree, join(root, 'bin', 'busybox')));
}

/**
 * The kernel inside a bzImage, where the tool for its packing is there; else the bzImage as it is, which begins a second later under translation.
 * Linux's boot protocol says where it lies.
 */
async function unpacked(workshop: Workshop, image: Buffer): Promise<Buffer> {
  const setupSectors = image.readUInt8(0x1f1);
  const from = (setupSectors + 1) * 512 + image.readUInt32LE(0x248);
  // The last four bytes are the size that it unpacks to.
  const payload = image.subarray(from, from + image.readUInt32LE(0x24c) - 4);
  const lz4 = 0x184c2102;
  if (payload.readUInt32LE(0) !== lz4) return image;
  const [packed, plain] = [join(workshop.folder, 'kernel.lz4'), join(workshop.folder, 'kernel.elf')];
  writeFileSync(packed, payload);
  await must(workshop, 'lz4', ['-q', '-d', '-f', packed, plain]);
  return readFileSync(plain);
}

/** Not packed: unpacking takes longer than reading it. */
function initrd(tree: string, busybox: string): Buffer {
  const found = modules.flatMap((module) => globSync(`lib/modules/*/kernel/${module}.ko`, { cwd: tree }));
  const folder = (name: string): CpioEntry => ({ name, mode: 0o040755, content: new Uint8Array() });
  const file = (name: string, content: Uint8Array, mode = 0o100755): CpioEntry => ({ name, mode, content });
  const order = `${found.map((path) => basename(path)).join('\n')}\n`;
  return cpioArchive([
    ...['bin', 'dev', 'modules', 'proc', 'root'].map(folder),
    file('init', guestFiles('initrd')['init'] ?? new Uint8Array()),
    file('bin/busybox', readFileSync(busybox)),
    { name: 'bin/sh', mode: 0o120777, content: Buffer.from('busybox') },
    file('modules/order', Buffer.from(order), 0o100644),
    ...found.map((path) => file(`modules/${basename(path)}`, readFileSync(join(tree, path)), 0o100644)),
  ]);
}

const failed = (message: string): QemuError =>
  new QemuError('QEMU_IMAGE_FAILED', message, { remedy: 'Look at the sources of apt on this machine.' });
