import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';

/** What came as a certificate is none, is not for our key, or comes from nobody that is trusted. */
export class CertificateInvalid extends Error {
  override readonly name = 'CertificateInvalid';
  readonly code = 'CERTIFICATE_INVALID';
}

/** A certificate and the authorities to trust from now on, PEM. */
export interface CheckedPair {
  readonly certificate: string;
  readonly authorities: string;
  readonly ends: Date;
}

/**
 * The certificate and those of the authorities that `trusted` lets pass; undefined when that is none of them. The certificate must be for
 * the key and from one of them.
 * @throws CertificateInvalid
 */
export function checkedPair(
  answer: { readonly certificate: Uint8Array; readonly authorities: readonly Uint8Array[] },
  keyPem: string,
  trusted: (authority: X509Certificate) => boolean = () => true,
): CheckedPair | undefined {
  const authorities = answer.authorities.map(parse).filter(trusted);
  if (authorities.length === 0 && answer.authorities.length > 0) return undefined;
  const certificate = parse(answer.certificate);
  if (!certificate.checkPrivateKey(createPrivateKey(keyPem)))
    throw new CertificateInvalid('the certificate is not for the key of this agent');
  const issued = authorities.some(
    (authority) => certificate.checkIssued(authority) && certificate.verify(authority.publicKey),
  );
  if (!issued) throw new CertificateInvalid('the certificate comes from none of the authorities that came with it');
  return {
    certificate: certificate.toString(),
    authorities: authorities.map((authority) => authority.toString()).join(''),
    ends: certificate.validToDate,
  };
}

/** SHA-256 of an authority's public key (SPKI). */
export const spkiHash = (certificate: X509Certificate): Buffer =>
  createHash('sha256')
    .update(certificate.publicKey.export({ type: 'spki', format: 'der' }))
    .digest();

/** The pins of a list with commas between them; undefined when one is no SHA-256 in hex or base64. */
export function parsePins(given: string): readonly Buffer[] | undefined {
  const pins = given.split(',').map((each) => {
    const bare = each.trim().replace(/^sha256[:/]/i, '');
    const hex = bare.replaceAll(':', '');
    return /^[0-9a-f]{64}$/i.test(hex) ? Buffer.from(hex, 'hex') : Buffer.from(bare, 'base64url');
  });
  return pins.every((pin) => pin.length === 32) ? pins : undefined;
}

function parse(der: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch (cause) {
    throw new CertificateInvalid('the answer holds no certificate', { cause });
  }
}
