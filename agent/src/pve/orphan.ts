import { isId, smbiosUuidOf } from '@truffle/ids';
import { hasTag, readMark, smbiosUuid } from './mark.ts';

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
  /** Ids of servers that are wanted. */
  readonly wanted: ReadonlySet<string>;
  /** When a VM was first seen unwanted, milliseconds. */
  readonly unwantedSince: ReadonlyMap<number, number>;
  readonly nowMs: number;
  readonly graceMs: number;
}

/** A VM that is ours and no longer wanted. */
export interface Orphan {
  readonly vmid: number;
  readonly node: string;
  readonly serverId: string;
  /** Whether its grace time is over. */
  readonly due: boolean;
  readonly reason: string;
}

/**
 * Whose server a VM is; undefined for a foreign one. All three proofs have to agree: the number is one of ours, leased for the server that
 * the description marks; and tag and SMBIOS UUID, which only our configuration step sets, are that server's too.
 */
export function ownerOf(candidate: Candidate, claims: Pick<Claims, 'orgId' | 'vmids' | 'leases'>): string | undefined {
  const { vmid, options } = candidate;
  const { first, last } = claims.vmids;
  const mark = readMark(options['description'] ?? '');
  if (mark === undefined || mark.orgId !== claims.orgId || !isId(mark.serverId, 'srv')) return undefined;
  if (vmid < first || vmid > last || claims.leases.get(vmid) !== mark.serverId) return undefined;
  if (options['template'] === '1' || options['protection'] === '1' || options['lock'] !== undefined) return undefined;
  if (!hasTag(options['tags'] ?? '', mark.serverId)) return undefined;
  const uuid = smbiosUuidOf(mark.serverId).toLowerCase();
  return smbiosUuid(options['smbios1'] ?? '') === uuid ? mark.serverId : undefined;
}

/** What is ours and no longer wanted, in the order of the numbers. Pure. */
export function findOrphans(candidates: readonly Candidate[], claims: Claims): readonly Orphan[] {
  return candidates
    .flatMap((candidate) => {
      const serverId = ownerOf(candidate, claims);
      return serverId === undefined || claims.wanted.has(serverId) ? [] : [orphanOf(candidate, serverId, claims)];
    })
    .sort((a, b) => a.vmid - b.vmid);
}

function orphanOf({ vmid, node }: Candidate, serverId: string, claims: Claims): Orphan {
  const left = (claims.unwantedSince.get(vmid) ?? claims.nowMs) + claims.graceMs - claims.nowMs;
  const what = `VM ${vmid} was server ${serverId}, which is no longer wanted`;
  const due = left <= 0;
  return {
    vmid,
    node,
    serverId,
    due,
    reason: due ? what : `${what}; its grace time ends in ${Math.ceil(left / 1_000)} s`,
  };
}
