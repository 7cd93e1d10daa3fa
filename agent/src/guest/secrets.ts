import { randomInt } from 'node:crypto';
import type { RunDeployment } from '@truffle/api/agent/v1/command';
import { canonicalAad, open, SealedValueError } from '@truffle/sealing';
import { DecodedFailure } from '../command/failure.ts';

/** Keeps the secrets that this site made. */
export interface SecretStore {
  /** The secret of this cluster and name; made by `make` at the first call and the same ever after. On disk when it returns. */
  generatedSecret(clusterId: string, name: string, make: () => string): string;
  /** Raises the highest version seen of a sealed secret; answers the highest seen before, 0 for none. On disk when it returns. */
  seeSealedVersion(secretId: string, version: number): number;
}

/** What secrets are opened with. */
export interface SecretOpener {
  readonly agentId: string;
  /** Private X25519 key by key id: the current one, and former ones that values may still be sealed to. */
  readonly sealingKeys: Readonly<Record<string, Uint8Array>>;
  readonly store: SecretStore;
  /** Seconds since the epoch. */
  readonly nowSeconds: () => number;
}

/** What a sealed template parameter is for, as sealed into it. */
export const parameterPurpose = 'template-parameter';

/** What of a command names its secrets. */
type SecretSpec = Pick<RunDeployment, 'orgId' | 'clusterId' | 'secrets' | 'generated' | 'secretScope'>;

const charsets: Readonly<Record<string, string>> = {
  alphanumeric: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789',
  hex: '0123456789abcdef',
  digits: '0123456789',
};

/**
 * All secrets of a deployment in clear, by parameter: opens what is sealed, makes what is to be generated (once per cluster).
 * @param make makes one that is not there yet, or throws
 * @throws DecodedFailure when one does not open or is past its time
 */
export async function openSecrets(
  opener: SecretOpener,
  spec: SecretSpec,
  make: (length: number, charset: string) => string = generate,
): Promise<Readonly<Record<string, string>>> {
  const secrets: Record<string, string> = {};
  for (const { name, length, charset } of spec.generated) {
    secrets[name] = opener.store.generatedSecret(spec.clusterId, name, () => make(length, charset));
  }
  for (const value of spec.secrets) {
    const { name, keyId, version, sealed } = value;
    const notAfter = Number(value.notAfter);
    if (notAfter !== 0 && opener.nowSeconds() > notAfter)
      throw refused(name, 'SECRET_EXPIRED', 'It was sealed for a time that is over.');
    const privateKey = opener.sealingKeys[keyId];
    if (privateKey === undefined)
      throw refused(name, 'SECRET_KEY_UNKNOWN', 'It was sealed to a key that this agent does not have.');
    const secretId = `${spec.secretScope}/${name}`;
    const aad = canonicalAad({
      tenant: spec.orgId,
      agent: opener.agentId,
      secretId,
      version,
      purpose: parameterPurpose,
      keyId,
      notAfter,
    });
    try {
      secrets[name] = new TextDecoder('utf-8', { fatal: true }).decode(await open({ privateKey, sealed, aad }));
    } catch (error) {
      if (!(error instanceof SealedValueError) && !(error instanceof TypeError)) throw error;
      throw refused(
        name,
        'SECRET_NOT_OPENED',
        'It was sealed for another agent, organization, place or version, or was changed on its way.',
      );
    }
    // Only what opened is believed: nobody can raise the version with a number that they made up.
    if (opener.store.seeSealedVersion(secretId, version) > version)
      throw refused(
        name,
        'SECRET_ROLLED_BACK',
        'A newer value of it was used before, and a newer one is never given up for an older.',
      );
  }
  return secrets;
}

function generate(length: number, charset: string): string {
  const letters = charsets[charset === '' ? 'alphanumeric' : charset] ?? charset;
  return Array.from({ length }, () => letters[randomInt(letters.length)]).join('');
}

function refused(name: string, reason: string, cause: string): DecodedFailure {
  return new DecodedFailure({
    reason,
    message: `The secret parameter ${name} can't be used.`,
    cause,
    remedy: `Give the value of ${name} again: truffle cluster update --set ${name}=…`,
    parameters: { parameter: name },
  });
}
