import type { JsonObject } from '@bufbuild/protobuf';
import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
  type AuthenticationResponseJSON,
  type RegistrationResponseJSON,
} from '@simplewebauthn/server';
import { PreconditionProblem } from '@truffle/kit';
import { WrongProofProblem } from './factor.ts';

/** What passkeys are bound to: the host name of the product, and the origins that its pages have. */
export interface PasskeySite {
  readonly id: string;
  readonly origins: readonly string[];
}

/** A registered passkey. */
export interface Passkey {
  readonly credentialId: string;
  readonly publicKey: Buffer;
  readonly counter: number;
  readonly transports: readonly string[];
}

const longestAnswer = 64 * 1024;

/** The site of the product's public URL. Passkeys know no IP addresses: a loopback one is reached as `localhost`. */
export function siteOf(publicUrl: string): PasskeySite | undefined {
  if (!URL.canParse(publicUrl)) return undefined;
  const url = new URL(publicUrl);
  if (/^(127\.|\[::1\])/.test(url.hostname)) url.hostname = 'localhost';
  return /^[\d.]+$|^\[/.test(url.hostname) ? undefined : { id: url.hostname, origins: [url.origin] };
}

/** @throws PreconditionProblem where the product has no name that passkeys can be bound to */
export function demandSite(site: PasskeySite | undefined): PasskeySite {
  if (site === undefined)
    throw new PreconditionProblem(
      'PASSKEYS_UNAVAILABLE',
      'passkeys need a host name: set TRUFFLE_PUBLIC_URL to one (https://…); an authenticator app works without',
    );
  return site;
}

/** PublicKeyCredentialCreationOptionsJSON for a person. */
export async function registrationOptions(
  site: PasskeySite,
  user: { readonly id: string; readonly email: string; readonly name: string },
  known: readonly Passkey[],
  challenge: string,
): Promise<JsonObject> {
  const options = await generateRegistrationOptions({
    rpName: 'Truffle',
    rpID: site.id,
    userID: Uint8Array.from(Buffer.from(user.id)),
    userName: user.email,
    userDisplayName: user.name,
    challenge: Uint8Array.from(Buffer.from(challenge, 'base64url')),
    attestationType: 'none',
    excludeCredentials: known.map(({ credentialId, transports }) => ({
      id: credentialId,
      transports: [...transports],
    })),
    authenticatorSelection: { residentKey: 'preferred', userVerification: 'preferred' },
  });
  return plain(options);
}

/** PublicKeyCredentialRequestOptionsJSON; without `known` for any passkey of this site. */
export async function requestOptions(
  site: PasskeySite,
  known: readonly Passkey[],
  challenge: string,
): Promise<JsonObject> {
  const options = await generateAuthenticationOptions({
    rpID: site.id,
    challenge: Uint8Array.from(Buffer.from(challenge, 'base64url')),
    allowCredentials: known.map(({ credentialId, transports }) => ({ id: credentialId, transports: [...transports] })),
    userVerification: known.length === 0 ? 'required' : 'preferred',
  });
  return plain(options);
}

/** The passkey of an authenticator's answer to `registrationOptions`. @throws WrongProofProblem */
export async function verifyRegistration(site: PasskeySite, answer: JsonObject, challenge: string): Promise<Passkey> {
  const { verified, registrationInfo } = await checked(answer, (response) =>
    verifyRegistrationResponse({
      response: response as unknown as RegistrationResponseJSON,
      expectedChallenge: challenge,
      expectedOrigin: [...site.origins],
      expectedRPID: site.id,
      requireUserVerification: false,
    }),
  );
  if (!verified || registrationInfo === undefined) throw new WrongProofProblem();
  const { id, publicKey, counter, transports = [] } = registrationInfo.credential;
  return { credentialId: id, publicKey: Buffer.from(publicKey), counter, transports: transports.slice(0, 8) };
}

/**
 * The new signature counter of an authenticator's answer to `requestOptions`.
 * @throws WrongProofProblem when it is not this passkey's, not for this challenge and site, or (by its counter) a copy's
 */
export async function verifyAuthentication(
  site: PasskeySite,
  answer: JsonObject,
  passkey: Passkey,
  rule: { readonly challenge: string; readonly personVerified: boolean },
): Promise<number> {
  const { verified, authenticationInfo } = await checked(answer, (response) =>
    verifyAuthenticationResponse({
      response: response as unknown as AuthenticationResponseJSON,
      expectedChallenge: rule.challenge,
      expectedOrigin: [...site.origins],
      expectedRPID: site.id,
      credential: {
        id: passkey.credentialId,
        publicKey: Uint8Array.from(passkey.publicKey),
        counter: passkey.counter,
        transports: [...passkey.transports],
      },
      requireUserVerification: rule.personVerified,
    }),
  );
  if (!verified) throw new WrongProofProblem();
  return authenticationInfo.newCounter;
}

/** Id of the passkey that an answer says it is of; empty for none. */
export const credentialIdOf = (answer: JsonObject): string => (typeof answer['id'] === 'string' ? answer['id'] : '');

/** The library throws texts for everything that is wrong with an answer; what a caller sees is one and the same. */
async function checked<R>(answer: JsonObject, verify: (answer: JsonObject) => Promise<R>): Promise<R> {
  if (JSON.stringify(answer).length > longestAnswer) throw new WrongProofProblem();
  try {
    return await verify(answer);
  } catch {
    throw new WrongProofProblem();
  }
}

const plain = (options: object): JsonObject => JSON.parse(JSON.stringify(options)) as JsonObject;
