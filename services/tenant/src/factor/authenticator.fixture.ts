import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import type { JsonObject } from '@bufbuild/protobuf';

interface Options {
  readonly challenge?: string;
  readonly rp?: { readonly id: string };
  readonly rpId?: string;
  readonly user?: { readonly id: string };
}

/** What an authenticator does otherwise than it should. */
export interface Oddities {
  readonly origin?: string;
  readonly rpId?: string;
  readonly challenge?: string;
  /** Does not make sure of the person (no PIN, no fingerprint). */
  readonly unverified?: boolean;
  /** Shows a counter that does not rise: a copy of the passkey. */
  readonly counter?: number;
}

/** An authenticator in software: real keys (ES256), real signatures, its own CBOR. WebAuthn level 3, 6.1 (data) and 6.5 (attestation). */
export class SoftwareAuthenticator {
  readonly #origin: string;
  readonly #id = randomBytes(32);
  readonly #key: { readonly privateKey: KeyObject; readonly publicKey: KeyObject } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
  });
  #counter = 0;
  #user = '';

  constructor(origin: string) {
    this.#origin = origin;
  }

  /** RegistrationResponseJSON for PublicKeyCredentialCreationOptionsJSON. */
  register(given: JsonObject | undefined, odd: Oddities = {}): JsonObject {
    const options = given as Options;
    this.#user = options.user?.id ?? '';
    const length = Buffer.alloc(2);
    length.writeUInt16BE(this.#id.length);
    const attested = Buffer.concat([Buffer.alloc(16), length, this.#id, coseKey(this.#key.publicKey)]);
    const data = this.#data(odd.rpId ?? options.rp?.id ?? '', 0x40, odd, attested);
    const attestation = cborMap([
      [cborText('fmt'), cborText('none')],
      [cborText('attStmt'), cborMap([])],
      [cborText('authData'), cborBytes(data)],
    ]);
    return {
      ...this.#named(),
      response: {
        clientDataJSON: this.#clientData('webauthn.create', options, odd).toString('base64url'),
        attestationObject: attestation.toString('base64url'),
        transports: ['internal'],
      },
    };
  }

  /** AuthenticationResponseJSON for PublicKeyCredentialRequestOptionsJSON. */
  authenticate(given: JsonObject | undefined, odd: Oddities = {}): JsonObject {
    const options = given as Options;
    this.#counter += 1;
    const data = this.#data(odd.rpId ?? options.rpId ?? '', 0, odd);
    const clientData = this.#clientData('webauthn.get', options, odd);
    const signed = Buffer.concat([data, createHash('sha256').update(clientData).digest()]);
    return {
      ...this.#named(),
      response: {
        clientDataJSON: clientData.toString('base64url'),
        authenticatorData: data.toString('base64url'),
        signature: sign('sha256', signed, this.#key.privateKey).toString('base64url'),
        userHandle: this.#user,
      },
    };
  }

  #named(): JsonObject {
    const id = this.#id.toString('base64url');
    return { id, rawId: id, type: 'public-key', clientExtensionResults: {}, authenticatorAttachment: 'platform' };
  }

  #data(rpId: string, flags: number, odd: Oddities, attested: Buffer = Buffer.alloc(0)): Buffer {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(odd.counter ?? this.#counter);
    const present = odd.unverified === true ? 0x01 : 0x05;
    return Buffer.concat([createHash('sha256').update(rpId).digest(), Buffer.of(flags | present), counter, attested]);
  }

  #clientData(type: string, { challenge }: Options, odd: Oddities): Buffer {
    return Buffer.from(
      JSON.stringify({
        type,
        challenge: odd.challenge ?? challenge,
        origin: odd.origin ?? this.#origin,
        crossOrigin: false,
      }),
    );
  }
}

/** COSE_Key of an EC2 key on P-256 for ES256 (RFC 9053, 2.1 and 7.1). */
function coseKey(key: KeyObject): Buffer {
  const { x = '', y = '' } = key.export({ format: 'jwk' });
  return cborMap([
    [cborInt(1), cborInt(2)],
    [cborInt(3), cborInt(-7)],
    [cborInt(-1), cborInt(1)],
    [cborInt(-2), cborBytes(Buffer.from(x, 'base64url'))],
    [cborInt(-3), cborBytes(Buffer.from(y, 'base64url'))],
  ]);
}

/** The head of a CBOR item (RFC 8949, 3). */
function cborHead(major: number, value: number): Buffer {
  if (value < 24) return Buffer.of((major << 5) | value);
  if (value < 0x100) return Buffer.of((major << 5) | 24, value);
  const head = Buffer.of((major << 5) | 25, 0, 0);
  head.writeUInt16BE(value, 1);
  return head;
}

const cborInt = (value: number): Buffer => (value < 0 ? cborHead(1, -1 - value) : cborHead(0, value));
const cborBytes = (bytes: Buffer): Buffer => Buffer.concat([cborHead(2, bytes.length), bytes]);
const cborText = (text: string): Buffer => Buffer.concat([cborHead(3, Buffer.byteLength(text)), Buffer.from(text)]);
const cborMap = (entries: readonly (readonly [Buffer, Buffer])[]): Buffer =>
  Buffer.concat([cborHead(5, entries.length), ...entries.flat()]);
