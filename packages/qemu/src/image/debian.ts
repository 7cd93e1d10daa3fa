import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { guestFiles, putFile } from './guest-files.ts';
import { imageFileName, imageText } from './image.ts';
import { guestAppend, makeDisk, must, suite, type Workshop } from './workshop.ts';

/** What every Debian guest has installed. */
export const debianPackages = [
  'systemd-sysv',
  'udev',
  'dbus',
  'openssh-server',
  'sudo',
  'iproute2',
  'qemu-guest-agent',
  'procps',
  'curl',
  'ca-certificates',
  'e2fsprogs',
  'netbase',
  'busybox-static',
];
/** What templates may install: an archive inside of the guest, as guests have no way to another. */
export const offeredPackages = [
  'nginx',
  'haproxy',
  'postgresql',
  'python3',
  'gunicorn',
  'python3-psycopg2',
  'ca-certificates',
  'curl',
  'iptables',
];

const diskBytes = 4 * 2 ** 30;
const archive = '/opt/packages';
/** Nothing that a guest of an hour needs, and each takes its time at every boot. */
const masked = [
  'apt-daily.timer',
  'apt-daily-upgrade.timer',
  'dpkg-db-backup.timer',
  'fstrim.timer',
  'e2scrub_all.timer',
  'e2scrub_reap.service',
  'systemd-pstore.service',
  'systemd-update-utmp.service',
  'systemd-networkd-wait-online.service',
  'getty@tty1.service',
  'systemd-random-seed.service',
  'systemd-timesyncd.service',
];
const append = `${guestAppend} systemd.show_status=false`;

/**
 * Makes Debian as it is: systemd, OpenSSH, guest agent, apt with an archive of what templates install. `lite.json` beside the image's own
 * file boots the same disk without systemd.
 */
export async function buildDebian(workshop: Workshop, product: string): Promise<void> {
  const root = join(workshop.folder, 'root');
  const fetch = `APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get -q -y --download-only install ${offeredPackages.join(' ')}`;
  const keep = `mkdir -p "$1${archive}" && mv "$1"/var/cache/apt/archives/*.deb "$1${archive}/"`;
  await workshop.bootstrap(root, 'minbase', debianPackages, [
    `rm -f "$1"/var/cache/apt/archives/*.deb && ${fetch} && ${keep}`,
  ]);
  await indexArchive(workshop, root);
  configure(root);
  await must(workshop, 'chroot', [root, 'systemctl', 'enable', 'ssh.service', 'guest-identity.service']);
  await must(workshop, 'chroot', [root, 'systemctl', 'mask', ...masked]);
  await must(workshop, 'chroot', [root, 'apt-get', 'update', '-q']);
  // An archive that apt can't read fails here, and not on a guest.
  await must(workshop, 'chroot', [root, 'apt-get', 'install', '-q', '--simulate', ...offeredPackages]);
  mkdirSync(product, { recursive: true });
  await makeDisk(workshop, root, join(product, 'disk.qcow2'), diskBytes);
  const boot = { disk: 'disk.qcow2', diskBytes, kernel: 'vmlinux', initrd: 'initrd.img' };
  writeFileSync(join(product, imageFileName), imageText({ name: 'debian', ...boot, append, wakes: true }));
  const lite = `${append} guest.init=/usr/lib/guest/lite`;
  writeFileSync(join(product, 'lite.json'), imageText({ name: 'debian-lite', ...boot, append: lite }));
}

function configure(root: string): void {
  const play = guestFiles('fast');
  for (const [name, content] of Object.entries({ ...guestFiles('any'), ...guestFiles('debian') })) {
    if (name.endsWith('.service')) putFile(root, `/etc/systemd/system/${name}`, content);
    else putFile(root, `/usr/lib/guest/${name}`, content, 0o755);
  }
  for (const name of ['systemctl', 'systemd-run'])
    putFile(root, `/usr/lib/guest/lite-${name}`, play[name] ?? '', 0o755);
  for (const name of ['agent', 'power-button', 'start-enabled'])
    putFile(root, `/usr/lib/guest/${name}`, play[name] ?? '', 0o755);
  putFile(root, '/etc/hostname', 'guest\n');
  putFile(root, '/etc/machine-id', '');
  putFile(root, '/etc/fstab', '/dev/vda / ext4 defaults,noatime 0 1\n');
  putFile(root, '/etc/apt/sources.list', `deb [trusted=yes] file:${archive} ./\n`);
  rmSync(join(root, 'etc', 'apt', 'sources.list.d'), { recursive: true, force: true });
  // A guest that is cut off while it installs is made anew.
  putFile(root, '/etc/dpkg/dpkg.cfg.d/quick', 'force-unsafe-io\n');
  putFile(root, '/etc/apt/apt.conf.d/90guest', 'Acquire::Languages "none";\n');
  putFile(
    root,
    '/etc/ssh/sshd_config.d/guest.conf',
    'HostKey /etc/ssh/ssh_host_ed25519_key\nPasswordAuthentication no\n',
  );
  const ssh = join(root, 'etc', 'ssh');
  for (const name of readdirSync(ssh)) if (name.startsWith('ssh_host_')) rmSync(join(ssh, name));
  const resolver = join(root, 'etc', 'resolv.conf');
  if (existsSync(resolver)) rmSync(resolver);
  putFile(root, '/etc/resolv.conf', '');
}

/** Writes the archive's list of packages, as apt reads it. */
async function indexArchive(workshop: Workshop, root: string): Promise<void> {
  const folder = join(root, archive);
  const entries: string[] = [];
  for (const name of readdirSync(folder).toSorted()) {
    const file = join(folder, name);
    const control = (await must(workshop, 'dpkg-deb', ['-f', file])).trimEnd();
    const bytes = readFileSync(file);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    entries.push(`${control}\nFilename: ./${name}\nSize: ${bytes.length}\nSHA256: ${sha256}\n`);
  }
  const list = Buffer.from(entries.join('\n'));
  const digest = createHash('sha256').update(list).digest('hex');
  const release = `Suite: ${suite}\nLabel: guest\nDate: Thu, 01 Jan 1970 00:00:00 UTC\nSHA256:\n ${digest} ${list.length} Packages\n`;
  putFile(root, `${archive}/Packages`, list);
  putFile(root, `${archive}/Release`, release);
}
