/** What is to be done about a certificate, and when, in milliseconds since 1970: certificates are about the wall clock. */
export interface Due {
  readonly kind: 'renew' | 'recover';
  readonly at: number;
}

const renewAt = 2 / 3;
const spread = 0.1;

/**
 * Renewal at two thirds of the certificate's life, give or take a tenth of that by `jitter` (from 0 up to 1), so that agents that
 * enrolled together do not renew together; once it has ended, recovery at once.
 */
export function dueAt(
  certificate: { readonly certificateFrom: Date; readonly certificateEnds: Date },
  now: number,
  jitter: number,
): Due {
  const [from, ends] = [certificate.certificateFrom.getTime(), certificate.certificateEnds.getTime()];
  if (now >= ends) return { kind: 'recover', at: now };
  return { kind: 'renew', at: from + (ends - from) * renewAt * (1 + spread * (2 * jitter - 1)) };
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
