import type { JsonObject } from '@bufbuild/protobuf';
import type {
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
} from '@simplewebauthn/browser';

/** Whether this browser has passkeys, here: only over TLS and on this very machine. */
export const hasPasskeys = (): boolean => 'PublicKeyCredential' in globalThis;

/**
 * Has the person use one of their passkeys. @param options PublicKeyCredentialRequestOptionsJSON of a challenge
 * @throws Error when they would rather not, or have none here
 */
export async function provePasskey(options: JsonObject): Promise<JsonObject> {
  const { startAuthentication } = await import('@simplewebauthn/browser');
  const optionsJSON = options as unknown as PublicKeyCredentialRequestOptionsJSON;
  return (await startAuthentication({ optionsJSON })) as unknown as JsonObject;
}

/**
 * Has a passkey made. @param options PublicKeyCredentialCreationOptionsJSON
 * @throws Error when the person would rather not, or has it already
 */
export async function makePasskey(options: JsonObject): Promise<JsonObject> {
  const { startRegistration } = await import('@simplewebauthn/browser');
  const optionsJSON = options as unknown as PublicKeyCredentialCreationOptionsJSON;
  return (await startRegistration({ optionsJSON })) as unknown as JsonObject;
}
