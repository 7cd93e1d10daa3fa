import type { Agent } from '@truffle/api/agent/v1/agent';
import {
  canonicalAad,
  fingerprintWords,
  keyId,
  keyLogHash,
  keyLogProblem,
  seal,
  type KeyLogEntry,
} from '@truffle/sealing';
import type { Config, KnownAgent, KnownEntry } from '../context/config-file.ts';
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

/**
 * Whether the key was seen before. `entry` is the newest of the agent's log, which goes on from the one that was seen: a key that the same
 * agent signed in there takes the former one's place. @throws SealingKeyError when another was seen
 */
export function checkKnown(config: Config, agent: Agent, entry: KnownEntry | undefined): 'known' | 'new' {
  const now = sealingKeyOf(agent);
  const known = config.knownAgents[agent.id];
  if (known === undefined) return 'new';
  if (known.keyId === now.keyId) return known.entry?.hash === entry?.hash ? 'known' : 'new';
  if (known.entry !== undefined && known.entry.identity === entry?.identity) return 'new';
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

/**
 * The newest entry of the agent's log of sealing keys; undefined while it has none. Every entry must be signed and follow the one before
 * it, the newest be of the key that is handed out, and the one that was seen be there still.
 * @throws SealingKeyError
 */
export function newestEntry(config: Config, agent: Agent, log: readonly KeyLogEntry[]): KnownEntry | undefined {
  const { keyId: id } = sealingKeyOf(agent);
  const seen = config.knownAgents[agent.id]?.entry;
  const newest = log.at(-1);
  const problem =
    keyLogProblem(agent.id, log) ??
    (newest !== undefined && keyId(newest.publicKey) !== id
      ? 'its newest entry is not of the key that is handed out'
      : undefined);
  const then = seen === undefined ? undefined : log[seen.n - 1];
  const rewritten = seen !== undefined && (then === undefined || keyLogHash(agent.id, then) !== seen.hash);
  if (problem !== undefined || rewritten)
    throw new SealingKeyError(
      'KEY_LOG_BROKEN',
      `the log of the sealing keys of the agent ${agent.name} can not be trusted; no secret was sent`,
      [problem ?? `entry ${seen?.n} is not the one that you have seen`],
      ['compare with what the site says: truffle-agent status', 'report this: somebody may be in between'],
    );
  if (newest === undefined) return undefined;
  return {
    n: Number(newest.n),
    hash: keyLogHash(agent.id, newest),
    identity: Buffer.from(newest.identityPublicKey).toString('hex'),
  };
}

/** The config with the agent's key as the one to trust. */
export const trusting = (config: Config, agent: Agent, entry: KnownEntry | undefined): Config => {
  const { keyId: id, fingerprint } = sealingKeyOf(agent);
  const known: KnownAgent = { keyId: id, fingerprint, ...(entry === undefined ? {} : { entry }) };
  return { ...config, knownAgents: { ...config.knownAgents, [agent.id]: known } };
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
