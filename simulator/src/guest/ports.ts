import type { Disk } from './disk.ts';
import type { Unit } from './services.ts';

type Ports = Unit['ports'];

const RAW_PROGRAMS: readonly [RegExp, number][] = [
  [/\bpostgres/, 5432],
  [/\bredis-server/, 6379],
  [/\bnats-server/, 4222],
  [/\bmariadbd|\bmysqld/, 3306],
  [/\betcd\b/, 2379],
];

/** The ports a unit's program listens on, told from its configuration as a reader would. */
export function portsOf(disk: Disk, unit: string, known: Ports): Ports {
  if (unit === 'nginx')
    return numbers(
      texts(disk, ['/etc/nginx/conf.d', '/etc/nginx/sites-enabled']),
      /^\s*listen\s+(?:[\d.]+:|\[::\]:)?(\d+)/gm,
      known,
    );
  if (unit === 'haproxy') return numbers(texts(disk, ['/etc/haproxy']), /^\s*bind\s+\S*?:(\d+)/gm, known);
  const file = unitFile(disk, unit);
  const start = file === undefined ? undefined : /^ExecStart=[-@!+:]*(.*)$/m.exec(file)?.[1];
  if (file === undefined || start === undefined) return known;
  if (/\bk3s\b/.test(start)) return /\bk3s\s+agent\b/.test(start) ? [] : [{ port: 6443, protocol: 'raw' }];
  const rawPort = RAW_PROGRAMS.find(([pattern]) => pattern.test(start))?.[1];
  const given =
    /(?:--?(?:port|p|b|bind|listen|http-port|web\.listen-address)[= ](?:\S*:)?|http\.server\s+|:)(\d{2,5})(?![\w.:])/.exec(
      start,
    )?.[1] ?? /^Environment=.*\b\w*PORT=(\d+)/m.exec(file)?.[1];
  if (rawPort !== undefined) return [{ port: Number(given ?? rawPort), protocol: 'raw' }];
  if (given !== undefined) return [{ port: Number(given), protocol: 'http' }];
  return /\b(node|python3?|deno|bun|java|ruby)\b/.test(start) ? [{ port: 3000, protocol: 'http' }] : known;
}

/** The text of `NAME.service`, wherever an administrator or package puts it. */
export function unitFile(disk: Disk, unit: string): string | undefined {
  for (const folder of [
    '/etc/systemd/system',
    '/run/systemd/system',
    '/lib/systemd/system',
    '/usr/lib/systemd/system',
  ]) {
    const content = disk.read(`${folder}/${unit}.service`);
    if (content !== undefined) return content.toString('utf8');
  }
  return undefined;
}

/** Contents of the files in folders. */
export function texts(disk: Disk, folders: readonly string[]): string {
  return folders
    .flatMap((folder) => disk.below(folder))
    .map((path) => disk.read(path)?.toString('utf8') ?? '')
    .join('\n');
}

function numbers(text: string, pattern: RegExp, otherwise: Ports): Ports {
  const found = [...new Set([...text.matchAll(pattern)].map((match) => Number(match[1])))];
  return found.length === 0 ? otherwise : found.map((port) => ({ port, protocol: 'http' }));
}
