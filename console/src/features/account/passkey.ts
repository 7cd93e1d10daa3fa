import type { JsonObject } from '@bufbuild/protobuf';
import type {
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
} from '@simplewebauthn/browser';
import { isObject } from '../../ui/json.ts';

const noOptions = 'the control plane sent nothing to use a passkey with';

const asksForOne = (options: JsonObject): options is JsonObject & PublicKeyCredentialRequestOptionsJSON =>
  typeof options['challenge'] === 'string';

const makesOne = (options: JsonObject): options is JsonObject & PublicKeyCredentialCreationOptionsJSON =>
  typeof options['challenge'] === 'string' && isObject(options['rp']) && isObject(options['user']);

/** What the browser gave, as it is sent. */
function objectOf(credential: unknown): JsonObject {
  if (!isObject(credential)) throw new TypeError('the browser gave no passkey');
  return credential;
}

/** Whether this browser has passkeys, here: only over TLS and on this very machine. */
export const hasPasskeys = (): boolean => 'PublicKeyCredential' in globalThis;

/**
 * Has the person use one of their passkeys. @param options PublicKeyCredentialRequestOptionsJSON of a challenge
 * @throws Error when they would rather not, or have none here
 */
export async function provePasskey(options: JsonObject): Promise<JsonObject> {
  const { startAuthentication } = await import('@simplewebauthn/browser');
  if (!asksForOne(options)) throw new TypeError(noOptions);
  return objectOf(await startAuthentication({ optionsJSON: options }));
}

/**
 * Has a passkey made. @param options PublicKeyCredentialCreationOptionsJSON
 * @throws Error when the person would rather not, or has it already
 */
export async function makePasskey(options: JsonObject): Promise<JsonObject> {
  const { startRegistration } = await import('@simplewebauthn/browser');
  if (!makesOne(options)) throw new TypeError(noOptions);
  return objectOf(await startRegistration({ optionsJSON: options }));
}
