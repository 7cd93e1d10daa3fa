import { posix } from 'node:path';

/** A guest's files as a restart of the simulator finds them again: path to base64, or null for a directory. */
export type DiskImage = Record<string, string | null>;

const DIRECTORIES = [
  '/',
  '/bin',
  '/boot',
  '/dev',
  '/etc',
  '/etc/systemd',
  '/etc/systemd/system',
  '/home',
  '/opt',
  '/proc',
  '/root',
  '/run',
  '/srv',
  '/sys',
  '/tmp',
  '/usr',
  '/usr/bin',
  '/usr/local',
  '/usr/local/bin',
  '/usr/share',
  '/usr/share/keyrings',
  '/etc/apt',
  '/etc/apt/keyrings',
  '/etc/apt/sources.list.d',
  '/var',
  '/var/lib',
  '/var/log',
  '/var/www',
  '/var/www/html',
];

/** Total bytes one guest may hold: it all lives in memory. */
const LIMIT = 64 * 1024 * 1024;

export class DiskFull extends Error {
  readonly code = 'GUEST_DISK_FULL';
}

/** A file system in memory; nothing of the machine's own is ever touched. */
export class Disk {
  private readonly entries = new Map<string, Buffer | null>();
  private bytes = 0;

  constructor(image: DiskImage = {}) {
    for (const directory of DIRECTORIES) this.entries.set(directory, null);
    for (const [path, content] of Object.entries(image)) {
      if (content === null) this.mkdir(path);
      else this.write(path, Buffer.from(content, 'base64'));
    }
  }

  read(path: string): Buffer | undefined {
    return this.entries.get(normal(path)) ?? undefined;
  }

  exists(path: string): boolean {
    return this.entries.has(normal(path));
  }

  isDirectory(path: string): boolean {
    return this.entries.get(normal(path)) === null;
  }

  isFile(path: string): boolean {
    return this.read(path) !== undefined;
  }

  /** Whether a file could be made there: its folder exists. */
  hasParent(path: string): boolean {
    return this.isDirectory(posix.dirname(normal(path)));
  }

  /** Writes a file, with the folders it needs. @throws {DiskFull} */
  write(path: string, content: Buffer): void {
    const at = normal(path);
    const grown = this.bytes - (this.entries.get(at)?.length ?? 0) + content.length;
    if (grown > LIMIT) throw new DiskFull(`No space left on device: ${at}`);
    this.mkdir(posix.dirname(at));
    this.entries.set(at, content);
    this.bytes = grown;
  }

  append(path: string, content: Buffer): void {
    this.write(path, Buffer.concat([this.read(path) ?? Buffer.alloc(0), content]));
  }

  mkdir(path: string): void {
    for (let at = normal(path); !this.entries.has(at); at = posix.dirname(at)) this.entries.set(at, null);
  }

  /** Removes a file or a folder with everything in it; answers whether there was one. */
  remove(path: string): boolean {
    const at = normal(path);
    const gone = [...this.entries.keys()].filter((key) => key === at || key.startsWith(`${at}/`));
    for (const key of gone) {
      this.bytes -= this.entries.get(key)?.length ?? 0;
      this.entries.delete(key);
    }
    return gone.length > 0;
  }

  move(from: string, to: string): boolean {
    const source = normal(from);
    const moved = [...this.entries].filter(([key]) => key === source || key.startsWith(`${source}/`));
    if (moved.length === 0) return false;
    const target = this.isDirectory(to) ? posix.join(normal(to), posix.basename(source)) : normal(to);
    this.remove(source);
    for (const [key, content] of moved) {
      const path = target + key.slice(source.length);
      if (content === null) this.mkdir(path);
      else this.write(path, content);
    }
    return true;
  }

  /** Names directly inside a folder. */
  list(path: string): string[] {
    const at = normal(path);
    const prefix = at === '/' ? '/' : `${at}/`;
    return [...this.entries.keys()]
      .filter((key) => key.startsWith(prefix) && key !== '/' && !key.slice(prefix.length).includes('/'))
      .map((key) => key.slice(prefix.length))
      .sort();
  }

  /** Every path below a folder. */
  below(path: string): string[] {
    const prefix = `${normal(path)}/`.replace('//', '/');
    return [...this.entries.keys()].filter((key) => key.startsWith(prefix)).sort();
  }

  image(): DiskImage {
    const image: DiskImage = {};
    for (const [path, content] of this.entries)
      if (!DIRECTORIES.includes(path)) image[path] = content === null ? null : content.toString('base64');
    return image;
  }
}

function normal(path: string): string {
  const at = posix.normalize(path.startsWith('/') ? path : `/${path}`);
  return at.length > 1 && at.endsWith('/') ? at.slice(0, -1) : at;
}
