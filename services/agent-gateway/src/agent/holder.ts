import { fingerprintOf, type HolderClaim } from '../session/admission.ts';

/** Who says to be a quarantined agent. `fingerprints`: more than one while it is not known whether an offered token arrived. */
export interface QuarantineHolder {
  readonly fingerprints: readonly string[];
  readonly incarnation: string;
  readonly journalLsn: bigint;
  readonly recorded: boolean;
}

/** The last session as it is stored; tokens are their SHA-256 in hex. */
export interface RecordedHolder {
  readonly incarnation: string | null;
  readonly journalLsn: bigint;
  readonly continuity: string | null;
  /** Offered since, newest last. */
  readonly offered: readonly string[];
}

/** The holder of the last session, and who came in conflict with it. */
export function holdersOf(recorded: RecordedHolder | undefined, other: HolderClaim | undefined): QuarantineHolder[] {
  const holders: QuarantineHolder[] = [];
  if (recorded !== undefined && recorded.incarnation !== null) {
    const { incarnation, journalLsn, continuity, offered } = recorded;
    const fingerprints = [continuity ?? '', ...offered].map((token) => fingerprintOf(incarnation, token));
    holders.push({ fingerprints, incarnation, journalLsn, recorded: true });
  }
  if (other !== undefined) {
    const { incarnation, journalLsn, continuity } = other;
    holders.push({ fingerprints: [fingerprintOf(incarnation, continuity)], incarnation, journalLsn, recorded: false });
  }
  return holders;
}

/** What a person's choice comes to. */
export interface Choice {
  /** Fingerprints that are refused from now on. */
  readonly denied: readonly string[];
  /** It goes on as a new installation: its journal is not the recorded one. */
  readonly anew: boolean;
}

/** The choice of the holder with that fingerprint; undefined when there is none. */
export function choose(holders: readonly QuarantineHolder[], fingerprint: string): Choice | undefined {
  const chosen = holders.find((each) => each.fingerprints.includes(fingerprint));
  // Quarantined before holders were kept, so there is nothing to choose from.
  if (chosen === undefined && (holders.length > 0 || fingerprint !== '')) return undefined;
  const kept = chosen?.fingerprints ?? [];
  return {
    denied: holders.flatMap((each) => each.fingerprints).filter((each) => !kept.includes(each)),
    // A journal that went back under its last token looks like its original: it too begins anew.
    anew: holders.some((each) => !each.recorded && each.fingerprints.includes(fingerprint)),
  };
}
