/** One exchange with the genuine API. */
export interface Recorded {
  note?: string | null;
  request: { method: string; path: string; body: string | null; headers: Record<string, string> };
  status: number;
  reason: string;
  headers: Record<string, string>;
  body: unknown;
  set: string;
  n: number;
}

/** Numbers that are measured or counted up: only their type is compared. */
const MEASURED = new Set([
  'pid',
  'pstart',
  'starttime',
  'endtime',
  'uptime',
  'cpu',
  'mem',
  'memhost',
  'netin',
  'netout',
  'diskread',
  'diskwrite',
  'ctime',
  'snaptime',
  'time',
  'used',
  'avail',
  'total',
  'used_fraction',
  'free',
  'available',
  'swap',
  'cores',
  'cpus',
  'maxcpu',
  'maxmem',
  'cgroup-mode',
  'rx-bytes',
  'tx-bytes',
  'rx-packets',
  'tx-packets',
  'secureboot',
  'idle',
  'wait',
  'disk',
  'bytes-read',
]);
/** Text that is made up or names the machine: only its being text is compared. */
const MADE_UP = new Set([
  'ticket',
  'CSRFPreventionToken',
  'password',
  'cert',
  'value',
  'ssl_fingerprint',
  'ip',
  'kversion',
  'pveversion',
  'release',
  'version',
  'model',
  'vendor',
  'family',
  'mhz',
  'flags',
  'hvm',
  'sysname',
  'machine',
  'mode',
  'address',
  'cidr',
  'port',
  'uid',
  'id',
  'host-name',
  'dns1',
  'ip-address',
  'timezone',
  'out-data',
  'loadavg',
]);
/** Made-up text may stand under the same name as text that matters; there it is compared. */
const MATTERS_IN: Readonly<Record<string, RegExp>> = {
  value: /\/(pending|cloudinit)$/,
  id: /\/tasks|resources|nodes$|pools/,
  version: /\/version\/?$/,
  release: /\/version\/?$/,
};
const ID_IN_NODE_LOG = /\/cluster\/log/;

/** Text with everything generated in it replaced by its kind. */
export function normal(text: string): string {
  return text
    .replaceAll(/UPID:[^\s"]+?:[0-9A-F]{8}:[0-9A-F]{8,9}:[0-9A-F]{8}:/g, 'UPID:<node>:')
    .replaceAll(/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gi, '<uuid>')
    .replaceAll(/\b([0-9A-F]{2}:){5}[0-9A-F]{2}\b/gi, '<mac>')
    .replaceAll(/\b[0-9a-f]{40}\b/g, '<sha1>')
    .replaceAll(/creation-qemu=[\d.]+,ctime=\d+/g, '<meta>')
    .replaceAll(/0x55[0-9a-f]+/g, '<pointer>');
}

const LISTS_OF_WORDS = new Set(['content', 'privs']);

/** Differences between what was recorded and what came, generated values aside. */
export function differences(recorded: unknown, actual: unknown, path: string, at = ''): string[] {
  const key = at.includes('.loadavg[') ? 'loadavg' : (at.split('.').pop() ?? '');
  const bad = (): string[] => [`${at || 'body'}: recorded ${show(recorded)}, got ${show(actual)}`];
  if (Array.isArray(recorded) || Array.isArray(actual)) {
    if (!Array.isArray(recorded) || !Array.isArray(actual)) return bad();
    return listDifferences(recorded, actual, path, at);
  }
  if (isObject(recorded) || isObject(actual)) {
    if (!isObject(recorded) || !isObject(actual)) return bad();
    const keys = new Set([...Object.keys(recorded), ...Object.keys(actual)]);
    return [...keys].flatMap((one) => {
      if (!(one in recorded)) return [`${at}.${one}: not recorded, got ${show(actual[one])}`];
      if (!(one in actual)) return [`${at}.${one}: recorded ${show(recorded[one])}, missing`];
      return differences(recorded[one], actual[one], path, `${at}.${one}`);
    });
  }
  if (typeof recorded !== typeof actual) return bad();
  if (typeof recorded === 'number' && MEASURED.has(key)) return [];
  if (typeof recorded === 'string' && typeof actual === 'string') return same(recorded, actual, key, path) ? [] : bad();
  return recorded === actual ? [] : bad();
}

function same(recorded: string, actual: string, key: string, path: string): boolean {
  if (MADE_UP.has(key) && (MATTERS_IN[key]?.test(path.split('?')[0] ?? '') !== true || ID_IN_NODE_LOG.test(path)))
    return true;
  if (LISTS_OF_WORDS.has(key)) return recorded.split(',').sort().join() === actual.split(',').sort().join();
  return normal(recorded) === normal(actual);
}

/** What tells the members of a list apart. */
const NAMES = [
  'userid',
  'roleid',
  'volid',
  'upid',
  'vmid',
  'key',
  'name',
  'storage',
  'iface',
  'realm',
  'n',
  'id',
  'subdir',
  'drivename',
  'ugid',
];

function listDifferences(recorded: unknown[], actual: unknown[], path: string, at: string): string[] {
  // How many addresses a guest has is its network's affair.
  if (at.endsWith('.ip-addresses')) return differences(recorded[0], actual[0], path, `${at}[0]`);
  if (recorded.length !== actual.length)
    return [`${at || 'body'}: recorded ${recorded.length} members, got ${actual.length}: ${show(actual)}`];
  const order = (list: unknown[]): unknown[] =>
    [...list].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : nameOf(a) > nameOf(b) ? 1 : 0));
  const left = order(recorded);
  const right = order(actual);
  return left.flatMap((one, place) => differences(one, right[place], path, `${at}[${nameOf(one)}]`));
}

function nameOf(one: unknown): string {
  if (!isObject(one)) return normal(JSON.stringify(one) ?? '');
  const name = NAMES.find((key) => one[key] !== undefined);
  return name === undefined
    ? normal(JSON.stringify(one))
    : `${JSON.stringify(one['type'])}${normal(JSON.stringify(one[name]))}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 300);
}

/** The header lines that every answer has, as recorded. */
export function headerDifferences(
  recorded: Readonly<Record<string, string>>,
  actual: Readonly<Record<string, unknown>>,
): string[] {
  return ['Connection', 'Server', 'Cache-Control', 'Content-Type'].flatMap((name) => {
    const wanted = recorded[name];
    const got = actual[name.toLowerCase()];
    return wanted === got ? [] : [`header ${name}: recorded ${show(wanted)}, got ${show(got)}`];
  });
}
