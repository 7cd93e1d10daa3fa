/** What is to be done about a certificate, and when, in milliseconds since 1970: certificates are about the wall clock. */
export interface Due {
  readonly kind: 'renew' | 'recover';
  readonly at: number;
}

/** A certificate as the machine that has it sees it. */
export interface Certified {
  readonly certificateFrom: Date;
  readonly certificateEnds: Date;
  /** When it came, by this machine's clock; what is due is counted from there, so that a clock that is wrong but goes does no harm. */
  readonly certifiedAt?: number | undefined;
}

const renewAt = 2 / 3;
const spread = 0.1;
/** Less than that is a clock that is kept right. */
const setBackMs = 300_000;

/**
 * Renewal at two thirds of the certificate's life, give or take a tenth of that by `jitter` (from 0 up to 1), so that agents that
 * enrolled together do not renew together; once it has ended, recovery at once.
 */
export function dueAt(certificate: Certified, now: number, jitter: number): Due {
  const { certificateFrom, certificateEnds, certifiedAt } = certificate;
  const from = certifiedAt ?? certificateFrom.getTime();
  const life = certificateEnds.getTime() - certificateFrom.getTime();
  if (now >= from + life) return { kind: 'recover', at: now };
  // The clock was set back, so nobody knows how old the certificate is.
  if (now < from - setBackMs) return { kind: 'renew', at: now };
  return { kind: 'renew', at: from + life * renewAt * (1 + spread * (2 * jitter - 1)) };
}

const firstMs = 1_000;
const capMs = 300_000;
/** Between two tries after a refusal: a person has to act meanwhile. */
const refusedFirstMs = 60_000;
const refusedCapMs = 3_600_000;

/** How long to wait after that many failures in a row: full jitter under a ceiling that doubles. */
export function retryMs(failures: number, refused: boolean, random: () => number): number {
  const [first, cap] = refused ? [refusedFirstMs, refusedCapMs] : [firstMs, capMs];
  return random() * Math.min(cap, first * 2 ** Math.min(failures, 20));
}
