import type { Agent } from '@truffle/api/agent/v1/agent';
import { canonicalAad, fingerprintWords, keyId, seal } from '@truffle/sealing';
import type { Config, KnownAgent } from '../context/config-file.ts';
import { CliError, exitCodes } from '../failure/cli-error.ts';

/** What the agent expects sealed parameters to be for. */
const parameterPurpose = 'template-parameter';
/** How long the agent accepts a sealed value: long enough for a retry weeks later. Seconds. */
const validSeconds = 30 * 86_400;

/** An agent can't be given secrets. */
export class SealingKeyError extends CliError {
  override readonly name = 'SealingKeyError';
  constructor(code: string, message: string, details: readonly string[], next: readonly string[]) {
    super(exitCodes.conflict, code, message, { details, next });
  }
}

/** The agent's key, named by what it is and not by what the server says of it. @throws SealingKeyError */
export function sealingKeyOf(agent: Agent): KnownAgent & { readonly publicKey: Uint8Array } {
  const key = agent.sealingKey;
  if (key === undefined || key.publicKey.length === 0)
    throw new SealingKeyError(
      'NO_SEALING_KEY',
      `the agent ${agent.name} has no sealing key`,
      [],
      ['enrol it again: truffle agent join-token create'],
    );
  const actual = keyId(key.publicKey);
  if (actual !== key.keyId)
    throw new SealingKeyError(
      'SEALING_KEY_MISNAMED',
      `the key of the agent ${agent.name} is not the one that it is named as`,
      [`named ${key.keyId}`, `is    ${actual}`],
      ['report this: something between here and the site changed the key'],
    );
  return { keyId: actual, fingerprint: fingerprintWords(key.publicKey), publicKey: key.publicKey };
}

/** Whether the key was seen before. @throws SealingKeyError when another was */
export function checkKnown(config: Config, agent: Agent): 'known' | 'new' {
  const now = sealingKeyOf(agent);
  const known = config.knownAgents[agent.id];
  if (known === undefined) return 'new';
  if (known.keyId === now.keyId) return 'known';
  throw new SealingKeyError(
    'SEALING_KEY_CHANGED',
    `the sealing key of the agent ${agent.name} has changed since you first used it; no secret was sent`,
    [`was ${known.fingerprint}`, `is  ${now.fingerprint}`],
    [
      'compare with what the site says: truffle-agent status',
      `if it is the same there: truffle agent trust ${agent.name}`,
    ],
  );
}

/** The config with the agent's key as the one to trust. */
export const trusting = (config: Config, agent: Agent): Config => {
  const { keyId: id, fingerprint } = sealingKeyOf(agent);
  return { ...config, knownAgents: { ...config.knownAgents, [agent.id]: { keyId: id, fingerprint } } };
};

export interface SealFor {
  readonly agent: Agent;
  readonly projectId: string;
  readonly clusterName: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** A value as the contract carries it. */
export interface Sealed {
  readonly name: string;
  readonly keyId: string;
  readonly sealed: Uint8Array<ArrayBuffer>;
  readonly version: number;
  /** Unix seconds. */
  readonly notAfter: bigint;
}

/** Seals each value so that it opens for this agent, cluster and parameter only, for 30 days. */
export async function sealSecrets(
  values: Readonly<Record<string, string>>,
  { agent, projectId, clusterName, now }: SealFor,
): Promise<Sealed[]> {
  const { keyId: id, publicKey } = sealingKeyOf(agent);
  // The agent takes no version below one that it has seen: a value that is given later is a newer one, also for a cluster made anew.
  const version = Math.floor(now / 1000);
  const notAfter = version + validSeconds;
  return Promise.all(
    Object.entries(values).map(async ([name, value]) => {
      const aad = canonicalAad({
        tenant: agent.orgId,
        agent: agent.id,
        secretId: `${projectId}/${clusterName}/${name}`,
        version,
        purpose: parameterPurpose,
        keyId: id,
        notAfter,
      });
      return {
        name,
        keyId: id,
        sealed: await seal({ publicKey, plaintext: new TextEncoder().encode(value), aad }),
        version,
        notAfter: BigInt(notAfter),
      };
    }),
  );
}
