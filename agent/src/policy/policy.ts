import { BlockList, isIP } from 'node:net';
import type { CommandPayload } from '@truffle/api/agent/v1/command';
import { recipientText } from '@truffle/sealing';
import { formatQuantity } from '@truffle/template-language/quantity';
import { describeWindows, isOpen, type Windows } from './window.ts';

/** What a site allows. What is undefined is not bounded beyond the site's configuration. */
export interface Policy {
  readonly pools: readonly string[] | undefined;
  readonly vmids: { readonly first: number; readonly last: number } | undefined;
  readonly storages: readonly string[] | undefined;
  readonly networks: readonly string[] | undefined;
  readonly bridges: readonly string[] | undefined;
  readonly images: readonly string[] | undefined;
  /** Networks in CIDR notation that servers may be reached in. */
  readonly sshTargets: readonly string[] | undefined;
  /** Whether anything may be run or written on servers. */
  readonly exec: boolean;
  readonly limits: Limits;
  /** Keys of people's clients that sensitive outputs may be sealed to, as `recipientText` writes them. */
  readonly recipients: readonly string[];
  readonly windows: (Windows & { readonly outside: readonly Nature[] }) | undefined;
  /** Which versions of the agent itself may be put in: `on` for any, `off` for none, or the one that is named. */
  readonly update: string;
}

export interface Limits {
  /** In all. */
  readonly servers: number | undefined;
  /** Of each server; bytes. */
  readonly cpu: number | undefined;
  readonly memoryBytes: number | undefined;
  readonly diskBytes: number | undefined;
  readonly deletesPerHour: number | undefined;
}

/** What a command does to the site, as a policy speaks of it. */
export const natures = ['reads', 'offline_ok', 'create', 'change', 'delete', 'deploy'] as const;
export type Nature = (typeof natures)[number];

/** Bytes of a recipient's public key. */
const recipientBytes = 32;

/** By the payload's case. A kind that is not here is refused wherever a policy is in force. */
const natureOf: Readonly<Record<string, Nature>> = {
  ping: 'reads',
  ensureServer: 'create',
  deleteServer: 'delete',
  runDeployment: 'deploy',
  importImage: 'create',
  snapshotServer: 'change',
  rollbackServer: 'change',
  deleteSnapshot: 'change',
  resizeServer: 'change',
  migrateServer: 'change',
  stopServer: 'change',
  startServer: 'offline_ok',
  collectOrphans: 'delete',
  revealOutputs: 'reads',
};

/** What is known when a command is judged; what is not known yet is judged later, when it is. */
export interface PolicyFacts {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Where the site's configuration puts servers; undefined without one. */
  readonly ground?: Ground | undefined;
  /** Storages that the disks of a new server go to besides the configured one. */
  readonly storages?: readonly string[] | undefined;
  /** Servers that the site has besides the one in question. */
  readonly otherServers?: number | undefined;
  /** Counts deletions in the last hour and those that were taken in before, besides the one in question; asked only if a rule speaks of them. */
  readonly otherDeletes?: (() => number) | undefined;
}

export interface Ground {
  /** Undefined for none. */
  readonly pool: string | undefined;
  /** Takes the cloud-init drives, and the disks where they are copies. */
  readonly storage: string;
  /** The bridge of each network. */
  readonly bridges: Readonly<Record<string, string>>;
}

/** What a policy does not allow. `rule` is the key of the policy's file. */
export interface Violation {
  readonly rule: string;
  readonly wanted: string;
  readonly allowed: string;
}

/** Fields that commands have in common, whatever their kind: a rule holds for each kind that has what it speaks of. */
interface Wanted {
  readonly vmid?: number;
  readonly image?: string;
  readonly networks?: readonly string[];
  readonly storage?: string;
  readonly downloadStorage?: string;
  readonly cpu?: number;
  readonly memoryBytes?: bigint;
  readonly diskBytes?: bigint;
  readonly address?: string;
}

/** The first thing about the command that the policy does not allow; undefined when it allows all of it. Pure. */
export function violation(policy: Policy, payload: CommandPayload, facts: PolicyFacts): Violation | undefined {
  const { op } = payload;
  const nature = natureOf[op.case ?? ''];
  if (nature === undefined) return { rule: 'kind', wanted: op.case ?? '', allowed: Object.keys(natureOf).join(', ') };
  const wanted = op.value as Wanted;
  return (
    untimely(policy, nature, facts.now) ??
    misplaced(policy, wanted, nature, facts) ??
    oversized(policy.limits, wanted) ??
    overmany(policy.limits, nature, facts) ??
    (nature === 'deploy' && !policy.exec ? { rule: 'exec', wanted: 'on', allowed: 'off' } : undefined) ??
    (wanted.address === undefined ? undefined : unreachable(policy, wanted.address)) ??
    untellable(policy, payload)
  );
}

/** The first reason for which the agent may not, of its own accord, act on a server that it was asked for. `exec`: something is run on it. Pure. */
export function unkept(policy: Policy, server: Wanted, exec: boolean, facts: PolicyFacts): Violation | undefined {
  return (
    untimely(policy, 'offline_ok', facts.now) ??
    misplaced(policy, server, 'create', facts) ??
    oversized(policy.limits, server) ??
    (exec && !policy.exec ? { rule: 'exec', wanted: 'on', allowed: 'off' } : undefined)
  );
}

/** Whether this is the time for it. For what the agent does of its own accord too. */
export function untimely({ windows }: Policy, nature: Nature, now: number): Violation | undefined {
  if (windows === undefined || windows.outside.includes(nature) || isOpen(windows, now)) return undefined;
  const allowed = `${describeWindows(windows)}; at any time: ${windows.outside.join(', ') || 'nothing'}`;
  return { rule: 'windows', wanted: `${nature} at ${new Date(now).toISOString()}`, allowed };
}

/** Whether a server at that address may be spoken to. What is no IP address is in no network. */
export function unreachable({ sshTargets }: Policy, address: string): Violation | undefined {
  if (sshTargets === undefined) return undefined;
  const allowed = new BlockList();
  for (const target of sshTargets) {
    const [network = '', prefix] = target.split('/');
    allowed.addSubnet(network, Number(prefix), isIP(network) === 6 ? 'ipv6' : 'ipv4');
  }
  const family = isIP(address);
  if (family !== 0 && allowed.check(address, family === 6 ? 'ipv6' : 'ipv4')) return undefined;
  return { rule: 'sshTargets', wanted: address, allowed: sshTargets.join(', ') || 'none' };
}

/** Whether secrets may be told to whom the command names. Nobody is named by default. */
export function untellable({ recipients }: Policy, { op }: CommandPayload): Violation | undefined {
  if (op.case !== 'revealOutputs') return undefined;
  const { recipientPublicKey } = op.value;
  const wanted = recipientPublicKey.length === recipientBytes ? recipientText(recipientPublicKey) : 'no key';
  if (recipients.includes(wanted)) return undefined;
  return { rule: 'recipients', wanted, allowed: recipients.join(', ') || 'none' };
}

function misplaced(policy: Policy, wanted: Wanted, nature: Nature, facts: PolicyFacts): Violation | undefined {
  const { vmids } = policy;
  const { vmid, image } = wanted;
  if (vmids !== undefined && vmid !== undefined && (vmid < vmids.first || vmid > vmids.last))
    return { rule: 'vmids', wanted: String(vmid), allowed: `${vmids.first}-${vmids.last}` };
  const networks = wanted.networks ?? [];
  const { ground } = facts;
  const making = nature === 'create' && ground !== undefined;
  const storages = [
    making ? ground.storage : '',
    ...(facts.storages ?? []),
    wanted.storage ?? '',
    wanted.downloadStorage ?? '',
  ];
  return (
    notAmong('images', policy.images, image === undefined ? [] : [image]) ??
    notAmong('networks', policy.networks, networks) ??
    notAmong(
      'bridges',
      policy.bridges,
      ground === undefined ? [] : networks.map((name) => ground.bridges[name] ?? name),
    ) ??
    notAmong(
      'storages',
      policy.storages,
      storages.filter((name) => name !== ''),
    ) ??
    notAmong('pools', policy.pools, making ? [ground.pool ?? '(none)'] : [])
  );
}

function notAmong(
  rule: string,
  allowed: readonly string[] | undefined,
  wanted: readonly string[],
): Violation | undefined {
  const bad = allowed === undefined ? undefined : wanted.find((each) => !allowed.includes(each));
  return bad === undefined ? undefined : { rule, wanted: bad, allowed: allowed?.join(', ') || 'none' };
}

function oversized(limits: Limits, wanted: Wanted): Violation | undefined {
  const over = (
    rule: string,
    size: number | bigint | undefined,
    most: number | undefined,
    say: (size: number) => string = String,
  ) =>
    size === undefined || most === undefined || size <= most
      ? undefined
      : { rule: `limits.${rule}`, wanted: say(Number(size)), allowed: `at most ${say(most)}` };
  return (
    over('cpu', wanted.cpu, limits.cpu) ??
    over('memory', wanted.memoryBytes, limits.memoryBytes, formatQuantity) ??
    over('disk', wanted.diskBytes, limits.diskBytes, formatQuantity)
  );
}

function overmany(limits: Limits, nature: Nature, facts: PolicyFacts): Violation | undefined {
  const over = (rule: string, others: number | undefined, most: number) =>
    others === undefined || others < most
      ? undefined
      : { rule: `limits.${rule}`, wanted: String(others + 1), allowed: `at most ${most}` };
  if (nature === 'create' && limits.servers !== undefined) return over('servers', facts.otherServers, limits.servers);
  if (nature !== 'delete' || limits.deletesPerHour === undefined) return undefined;
  return over('deletesPerHour', facts.otherDeletes?.(), limits.deletesPerHour);
}
