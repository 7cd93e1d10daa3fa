import { isId, smbiosUuidOf } from '@truffle/ids';
import type { Reservation, SeenUnwanted } from '../command/site.ts';
import { isMakingLock } from './lock.ts';
import { hasTag, isUndescribed, readMark, smbiosUuid } from './mark.ts';

/** A VM as its configuration tells it. */
export interface Candidate {
  readonly vmid: number;
  readonly node: string;
  readonly options: Readonly<Record<string, string>>;
}

/** What tells ours from foreign, and wanted from not. */
export interface Claims {
  readonly orgId: string;
  /** The numbers that the site offers, both included. */
  readonly vmids: { readonly first: number; readonly last: number };
  /** Numbers that were leased, and for which server. */
  readonly leases: ReadonlyMap<number, string>;
  /** What this agent journalled before it asked for a clone, until the server was whole. */
  readonly reservations: readonly Reservation[];
  /** Ids of servers that are wanted. */
  readonly wanted: ReadonlySet<string>;
  /** When VMs were first seen unwanted. */
  readonly unwanted: readonly SeenUnwanted[];
  readonly nowMs: number;
  readonly graceMs: number;
}

/**
 * How a VM is ours. `whole`: it carries all proofs. `half`: its creation ended before the step that gives it tag and UUID. `stub`: the task that
 * made it holds its lock, or died. `locked`: whole, and something holds another lock.
 */
export type Ownership = 'whole' | 'half' | 'stub' | 'locked';

export interface Owned {
  readonly serverId: string;
  readonly how: Ownership;
}

/** A VM that is ours and no longer wanted. */
export interface Orphan extends Owned {
  readonly vmid: number;
  readonly node: string;
  /** Its `lock`; empty for none. */
  readonly lock: string;
  /** Milliseconds since 1970. */
  readonly sinceMs: number;
  /** Whether its grace time is over. */
  readonly due: boolean;
  readonly reason: string;
}

type Proofs = Pick<Claims, 'orgId' | 'vmids' | 'leases' | 'reservations'>;

/**
 * Whose server a VM is; undefined for a foreign one. Its number has to be one that the site offers, leased for that server. Then either the
 * description's mark, the tag and the SMBIOS UUID, which only our configuration step sets, all agree with it; or the VM never got as far, and
 * this agent's journal says that it was making this server on this number: with the mark of just that command, or, under the lock of a
 * clone, with no description yet. A clone that a person makes of one of ours copies mark and tag, and gets another number and another UUID.
 */
export function ownerOf({ vmid, options }: Candidate, proofs: Proofs): Owned | undefined {
  const { first: lowest, last } = proofs.vmids;
  const serverId = proofs.leases.get(vmid);
  if (vmid < lowest || vmid > last || serverId === undefined || !isId(serverId, 'srv')) return undefined;
  if (options['template'] === '1' || options['protection'] === '1') return undefined;
  const lock = options['lock'] ?? '';
  const mark = readMark(options['description'] ?? '');
  const reserved = proofs.reservations.filter((each) => each.vmid === vmid && each.serverId === serverId);
  if (mark === undefined) {
    // Its first configuration holds the lock and nothing else.
    const bare = isUndescribed(options) && options['smbios1'] === undefined && options['tags'] === undefined;
    return bare && lock === 'clone' && reserved.length > 0 ? { serverId, how: 'stub' } : undefined;
  }
  if (mark.orgId !== proofs.orgId || mark.serverId !== serverId) return undefined;
  const uuid = smbiosUuid(options['smbios1'] ?? '') === smbiosUuidOf(serverId).toLowerCase();
  if (uuid && hasTag(options['tags'] ?? '', serverId))
    return { serverId, how: lock === '' ? 'whole' : isMakingLock(lock) ? 'stub' : 'locked' };
  // Tag and UUID come together: one without the other is not our doing.
  if (uuid || isTagged(options) || !reserved.some((each) => each.commandId === mark.commandId)) return undefined;
  if (lock === '') return { serverId, how: 'half' };
  return isMakingLock(lock) ? { serverId, how: 'stub' } : undefined;
}

/** What is ours and no longer wanted, in the order of the numbers. Pure. */
export function findOrphans(candidates: readonly Candidate[], claims: Claims): readonly Orphan[] {
  return candidates
    .flatMap((candidate) => {
      const owned = ownerOf(candidate, claims);
      return owned === undefined || claims.wanted.has(owned.serverId) ? [] : [orphanOf(candidate, owned, claims)];
    })
    .sort((a, b) => a.vmid - b.vmid);
}

/** Whether any server's tag is on it: our own step sets it, and a person's clone copies it. */
const isTagged = (options: Candidate['options']): boolean => /(?:^|[;, ])srv_/.test(options['tags'] ?? '');

function orphanOf({ vmid, node, options }: Candidate, owned: Owned, claims: Claims): Orphan {
  const { nowMs, graceMs } = claims;
  const known = claims.unwanted.find((each) => each.vmid === vmid && each.serverId === owned.serverId)?.sinceMs;
  // A clock that was put back must not make the grace time longer than it is.
  const sinceMs = Math.min(known ?? nowMs, nowMs);
  const left = sinceMs + graceMs - nowMs;
  const was = owned.how === 'half' || owned.how === 'stub' ? 'was to be' : 'was';
  const what = `VM ${vmid} ${was} server ${owned.serverId}, which is no longer wanted`;
  const due = left <= 0;
  const reason = due ? what : `${what}; its grace time ends in ${Math.ceil(left / 1_000)} s`;
  return { vmid, node, lock: options['lock'] ?? '', ...owned, sinceMs, due, reason };
}
