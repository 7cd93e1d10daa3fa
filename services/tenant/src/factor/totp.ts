import { Secret, TOTP } from 'otpauth';

/** RFC 6238 with what every authenticator app takes: SHA-1, 6 digits, 30 seconds. 160 bits of seed (RFC 4226, 4). */
const settings = { algorithm: 'SHA1', digits: 6, period: 30 } as const;
const seedBytes = 20;
/** Codes of the step before and after are taken too: clocks differ. */
const window = 1;

/** A new seed. */
export const newSeed = (): Buffer => Buffer.from(new Secret({ size: seedBytes }).buffer);

/** What an app needs to know, as text and as the `otpauth:` URI of a QR code. */
export function describeSeed(
  seed: Buffer,
  issuer: string,
  label: string,
): { readonly secret: string; readonly uri: string } {
  const totp = totpOf(seed, { issuer, label });
  return { secret: totp.secret.base32, uri: totp.toString() };
}

/** The time step that `code` is of, at `nowMs`; undefined when it is of none that counts. */
export function stepOf(seed: Buffer, code: string, nowMs: number): number | undefined {
  const delta = totpOf(seed).validate({ token: code, timestamp: nowMs, window });
  return delta === null ? undefined : Math.floor(nowMs / 1000 / settings.period) + delta;
}

const totpOf = (seed: Buffer, about: { readonly issuer?: string; readonly label?: string } = {}): TOTP =>
  new TOTP({ ...settings, ...about, secret: new Secret({ buffer: Uint8Array.from(seed).buffer }) });
