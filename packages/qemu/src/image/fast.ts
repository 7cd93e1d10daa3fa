import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { guestFiles, putFile } from './guest-files.ts';
import { imageFileName, imageText } from './image.ts';
import { guestAppend, makeDisk, must, type Workshop } from './workshop.ts';

/** A shell, an SSH server, the guest agent: what is needed to be a server at all. */
export const fastPackages = [
  'busybox-static',
  'dropbear-bin',
  'openssh-sftp-server',
  'qemu-guest-agent',
  'coreutils',
  'dash',
];

/**
 * Where Busybox's own is not what servers have: its `timeout` leaves what a step began, and its shell takes its own programs before those that
 * are there. The others start faster as Busybox.
 */
const better = ['timeout', 'sh', 'bash'];
const diskBytes = 512 * 2 ** 20;
/** Programs of ours that go before those of the same name. */
const own = { sudo: '/usr/bin', 'systemd-run': '/usr/bin', systemctl: '/usr/bin', shutdown: '/sbin' } as const;

/** Makes the image that boots in seconds under translation: no systemd, no package manager, everybody is root. */
export async function buildFast(workshop: Workshop, product: string): Promise<void> {
  const root = join(workshop.folder, 'root');
  await workshop.bootstrap(root, 'extract', fastPackages, []);
  for (const folder of [
    'dev',
    'proc',
    'sys',
    'run',
    'tmp',
    'root',
    'home',
    'mnt',
    'sbin',
    'etc/dropbear',
    'var/log',
    'var/lib',
  ])
    mkdirSync(join(root, folder), { recursive: true });
  putFile(root, '/etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n');
  putFile(root, '/etc/shadow', 'root:*:19000:0:99999:7:::\n', 0o600);
  putFile(root, '/etc/group', 'root:x:0:\n');
  putFile(root, '/etc/shells', '/bin/sh\n/bin/bash\n');
  putFile(root, '/etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n');
  for (const [name, content] of Object.entries({ ...guestFiles('any'), ...guestFiles('fast') })) {
    if (name === 'inittab') putFile(root, '/etc/inittab', content);
    else putFile(root, `${own[name as keyof typeof own] ?? '/usr/lib/guest'}/${name}`, content, 0o755);
  }
  await linkApplets(workshop, root);
  mkdirSync(product, { recursive: true });
  await makeDisk(workshop, root, join(product, 'disk.qcow2'), diskBytes);
  const append = guestAppend;
  const boot = { kernel: 'vmlinux', initrd: 'initrd.img', append };
  writeFileSync(join(product, imageFileName), imageText({ name: 'fast', disk: 'disk.qcow2', diskBytes, ...boot }));
}

/** Busybox is each program that it has but those that are better or ours. */
async function linkApplets(workshop: Workshop, root: string): Promise<void> {
  const applets = (await must(workshop, join(root, 'bin', 'busybox'), ['--list'])).split('\n');
  const others = ['', 'busybox', ...better, ...Object.keys(own)];
  for (const applet of applets.filter((name) => !others.includes(name))) {
    for (const folder of ['bin', 'sbin', 'usr/bin', 'usr/sbin']) rmSync(join(root, folder, applet), { force: true });
    symlinkSync('/bin/busybox', join(root, 'bin', applet));
  }
  for (const shell of ['sh', 'bash']) {
    rmSync(join(root, 'bin', shell), { force: true });
    symlinkSync('dash', join(root, 'bin', shell));
  }
  symlinkSync('/bin/busybox', join(root, 'sbin', 'init'));
}
