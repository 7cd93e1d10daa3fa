import { isIP } from 'node:net';
import { parseRecipient } from '@truffle/sealing';
import { parseQuantity } from '@truffle/template-language/quantity';
import { isMap, isScalar, isSeq, LineCounter, parseDocument, type Document } from 'yaml';
import { isVersion } from '../release/version-order.ts';
import { Reader, SiteConfigError } from '../site/reader.ts';
import { natures, type Limits, type Nature, type Policy } from './policy.ts';
import { isTimeZone, weekdays, type Span } from './window.ts';

/** A policy can't be used; the message says where. */
export class PolicyInvalid extends Error {
  override readonly name = 'PolicyInvalid';
  readonly code = 'POLICY_INVALID';
}

/** Without a file: everything that the site's configuration allows. */
export const everything: Policy = {
  pools: undefined,
  vmids: undefined,
  storages: undefined,
  networks: undefined,
  bridges: undefined,
  images: undefined,
  sshTargets: undefined,
  exec: true,
  limits: {
    servers: undefined,
    cpu: undefined,
    memoryBytes: undefined,
    diskBytes: undefined,
    deletesPerHour: undefined,
  },
  recipients: [],
  windows: undefined,
  update: 'on',
};

/** @param name what the file is called in messages @throws PolicyInvalid naming line, column and key */
export function parsePolicy(text: string, name: string): Policy {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [error] = document.errors;
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${name}:${line}:${col}`;
  };
  if (error !== undefined)
    throw new PolicyInvalid(`${at(error.pos[0])}: is no YAML: ${error.message.split('\n')[0] ?? ''}`);
  try {
    return readPolicy(new Reader('', document.toJS({ maxAliasCount: 10 })));
  } catch (cause) {
    if (cause instanceof SiteConfigError)
      throw new PolicyInvalid(
        `${at(offsetOf(document, cause.key))}: ${cause.key === '' ? 'the policy' : cause.key} ${cause.problem}`,
        { cause },
      );
    // A document that can't be made a value, e.g. by too many aliases.
    throw new PolicyInvalid(`${name}:1:1: is no YAML that can be read`, { cause });
  }
}

/** Where a dotted key stands, or the nearest one above it that does. */
function offsetOf(document: Document, key: string): number {
  if (key === '') return 0;
  let node: unknown = document.contents;
  let offset = 0;
  for (const part of key.split('.')) {
    if (isMap(node)) {
      const pair = node.items.find((each) => isScalar(each.key) && String(each.key.value) === part);
      if (pair === undefined) break;
      if (isScalar(pair.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(part)];
      const range = (node as { readonly range?: readonly number[] } | undefined)?.range;
      offset = range?.[0] ?? offset;
    } else break;
  }
  return offset;
}

function readPolicy(top: Reader): Policy {
  const policy: Policy = {
    pools: names(top, 'pools'),
    vmids: top.has('vmids') ? readVmids(top) : undefined,
    storages: names(top, 'storages'),
    networks: names(top, 'networks'),
    bridges: names(top, 'bridges'),
    images: names(top, 'images'),
    sshTargets: top.has('sshTargets') ? readTargets(top) : undefined,
    exec: top.text('exec', { fallback: 'on', pattern: /^(on|off)$/, is: 'on or off' }) === 'on',
    limits: readLimits(top.inner('limits', true)),
    recipients: top.has('recipients') ? readRecipients(top) : [],
    windows: top.has('windows') ? readWindows(top.inner('windows')) : undefined,
    update: readUpdate(top),
  };
  top.done();
  return policy;
}

function names(top: Reader, key: string): readonly string[] | undefined {
  if (!top.has(key)) return undefined;
  return top.list(key).map((each, i) => {
    if (typeof each !== 'string' || each === '') throw new SiteConfigError(`${top.at(key)}.${i}`, 'must be a name');
    return each;
  });
}

function readVmids(top: Reader): NonNullable<Policy['vmids']> {
  const [first = 0, last = 0] = top
    .text('vmids', { pattern: /^\d{3,9}-\d{3,9}$/, is: 'a range such as 20000-29999' })
    .split('-')
    .map(Number);
  if (first < 100 || last < first)
    throw new SiteConfigError(top.at('vmids'), 'must be a range from a lower to a higher number, at least 100');
  return { first, last };
}

/** `off` in YAML is a word here, as `exec` has it. */
function readUpdate(top: Reader): string {
  const update = top.text('update', { fallback: 'on', is: 'on, off, or a version such as 1.2.3' });
  if (update === 'on' || update === 'off' || isVersion(update)) return update;
  throw new SiteConfigError(top.at('update'), 'must be on, off, or a version such as 1.2.3');
}

function readTargets(top: Reader): readonly string[] {
  return top.list('sshTargets').map((each, i) => {
    const [, network = '', prefix = ''] = /^([^/]+)\/(\d{1,3})$/.exec(typeof each === 'string' ? each : '') ?? [];
    const family = isIP(network);
    if (family === 0 || Number(prefix) > (family === 6 ? 128 : 32))
      throw new SiteConfigError(`${top.at('sshTargets')}.${i}`, 'must be a network such as 10.0.0.0/8 or fd00::/8');
    return `${network}/${prefix}`;
  });
}

function readRecipients(top: Reader): readonly string[] {
  return top.list('recipients').map((each, i) => {
    if (typeof each !== 'string' || parseRecipient(each) === undefined)
      throw new SiteConfigError(`${top.at('recipients')}.${i}`, 'must be a key as `truffle key show` prints it: tfk_…');
    return each;
  });
}

function readLimits(limits: Reader): Limits {
  const count = (name: string, min: number): number | undefined =>
    limits.has(name) ? limits.whole(name, { min, max: 1_000_000 }) : undefined;
  const size = (name: string): number | undefined => {
    if (!limits.has(name)) return undefined;
    const bytes = parseQuantity(limits.text(name, { is: 'a size such as 16GiB' }));
    if (bytes === undefined) throw new SiteConfigError(limits.at(name), 'must be a size such as 16GiB');
    return bytes;
  };
  const read = {
    servers: count('servers', 0),
    cpu: count('cpu', 1),
    memoryBytes: size('memory'),
    diskBytes: size('disk'),
    deletesPerHour: count('deletesPerHour', 0),
  };
  limits.done();
  return read;
}

function readWindows(windows: Reader): NonNullable<Policy['windows']> {
  const timeZone = windows.text('timeZone', { is: 'a time zone such as Europe/Berlin' });
  if (!isTimeZone(timeZone))
    throw new SiteConfigError(windows.at('timeZone'), 'must be a time zone such as Europe/Berlin');
  const spans = windows.list('allow').map((each, i) => readSpan(new Reader(`${windows.at('allow')}.${i}`, each)));
  const outside = windows.has('outside') ? windows.list('outside') : ['reads', 'offline_ok'];
  const known = outside.map((each, i) => {
    if (!isNature(each))
      throw new SiteConfigError(`${windows.at('outside')}.${i}`, `must be one of ${natures.join(', ')}`);
    return each;
  });
  windows.done();
  return { timeZone, spans, outside: known };
}

const isNature = (given: unknown): given is Nature => (natures as readonly unknown[]).includes(given);

function readSpan(span: Reader): Span {
  const days = span
    .text('days', { fallback: 'mon-sun', is: 'days such as mon-fri or sat,sun' })
    .split(',')
    .flatMap((part) => daysOf(part.trim(), span.at('days')));
  const time = (name: string): number => {
    const text = span.text(name, {
      pattern: /^(([01]\d|2[0-3]):[0-5]\d|24:00)$/,
      is: 'a time such as 22:00, in quotes',
    });
    return Number(text.slice(0, 2)) * 60 + Number(text.slice(3));
  };
  const [from, to] = [time('from'), time('to')];
  if (from === to || from === 1440)
    throw new SiteConfigError(span.at('from'), 'must differ from `to`; a whole day is from 00:00 to 24:00');
  span.done();
  return { days: new Set(days), from, to };
}

function daysOf(part: string, key: string): readonly number[] {
  const [first, last, ...more] = part.split('-').map((name) => (weekdays as readonly string[]).indexOf(name));
  if (first === undefined || first < 0 || last === -1 || more.length > 0)
    throw new SiteConfigError(key, `must be of ${weekdays.join(', ')}, e.g. mon-fri or sat,sun`);
  const count = (((last ?? first) - first + 7) % 7) + 1;
  return Array.from({ length: count }, (_, i) => (first + i) % 7);
}
