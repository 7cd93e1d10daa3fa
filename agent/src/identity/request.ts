import { createPrivateKey, createPublicKey, sign } from 'node:crypto';

/**
 * A PKCS #10 request (RFC 2986) in DER for the P-256 key, signed by it. The subject is left to the gateway: it knows who asks. Written
 * out here, as it is all of ASN.1 that a running agent needs: a library for it costs more memory than the rest of the agent's identity.
 */
export function certificateRequest(mtlsPem: string): Buffer {
  const key = createPrivateKey(mtlsPem);
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const name = sequence(der(tags.set, sequence(commonName, der(tags.utf8String, Buffer.from('truffle-agent')))));
  const info = sequence(der(tags.integer, Buffer.from([0])), name, spki, der(tags.attributes));
  const signature = der(tags.bitString, Buffer.from([0]), sign('sha256', info, key));
  return sequence(info, sequence(ecdsaWithSha256), signature);
}

const tags = { integer: 0x02, bitString: 0x03, utf8String: 0x0c, sequence: 0x30, set: 0x31, attributes: 0xa0 } as const;
/** 2.5.4.3 */
const commonName = Buffer.from('0603550403', 'hex');
/** 1.2.840.10045.4.3.2 */
const ecdsaWithSha256 = Buffer.from('06082a8648ce3d040302', 'hex');

const sequence = (...parts: readonly Buffer[]): Buffer => der(tags.sequence, ...parts);

/** Tag, length and content; none here is longer than 65535 bytes. */
function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const head =
    length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}
