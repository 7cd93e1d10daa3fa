import type { Agent } from '@truffle/api/agent/v1/agent';
import type { SealedSecret } from '@truffle/api/orchestration/v1/cluster';
import {
  canonicalAad,
  fingerprintWords,
  keyId,
  keyLogHash,
  keyLogProblem,
  seal,
  type KeyLogEntry,
} from '@truffle/sealing/web';
import { texts } from '../../texts/texts.ts';

const text = texts.cluster.sealing;

/** What the agent expects sealed parameters to be for. */
const purpose = 'template-parameter';
/** How long the agent accepts a sealed value: long enough for a retry weeks later. */
const validSeconds = 30 * 86_400;
const storageKey = 'truffle.known-keys';

/** A site can't be given secrets; the message says why, and nothing was sent. */
export class SealingError extends Error {
  override readonly name = 'SealingError';
  /** Whether a person who compares the key at the site may trust it. */
  readonly isChange: boolean;
  constructor(message: string, isChange = false) {
    super(message);
    this.isChange = isChange;
  }
}

/** Trusts the log of an agent as it is the next time that it is read. */
export function forgetSeen(agentId: string): void {
  const { [agentId]: _, ...others } = readSeen();
  globalThis.localStorage.setItem(storageKey, JSON.stringify(others));
}

/** What this browser has seen of an agent's log: public, and no secret. */
interface Seen {
  readonly n: number;
  readonly hash: string;
}

const readSeen = (): Readonly<Record<string, Seen>> =>
  JSON.parse(globalThis.localStorage.getItem(storageKey) ?? '{}') as Record<string, Seen>;

/**
 * The key that the newest entry of the agent's log is of. The whole log must be signed and in order, and what this browser saw of it
 * before must still be there, so that nobody between here and the site slips in a key of their own unseen.
 * @throws SealingError
 */
export async function trustedKey(agent: Agent, log: readonly KeyLogEntry[]): Promise<Uint8Array> {
  // Browsers give it to pages over TLS and of this very machine only.
  if (!('subtle' in crypto)) throw new SealingError(text.insecure);
  const key = agent.sealingKey?.publicKey ?? new Uint8Array();
  if (key.length === 0) throw new SealingError(text.noKey(agent.name));
  const problem = await keyLogProblem(agent.id, log);
  if (problem !== undefined) throw new SealingError(text.broken(agent.name, problem));
  const newest = log.at(-1);
  if (newest === undefined || (await keyId(newest.publicKey)) !== (await keyId(key)))
    throw new SealingError(text.broken(agent.name, text.otherKey));
  const seen = readSeen()[agent.id];
  const then = seen === undefined ? undefined : log[seen.n - 1];
  const isRewritten = seen !== undefined && (then === undefined || (await keyLogHash(agent.id, then)) !== seen.hash);
  const isOther = then !== undefined && !same(then.identityPublicKey, newest.identityPublicKey);
  if (isRewritten || isOther) throw new SealingError(text.rewritten(agent.name, await fingerprintWords(key)), true);
  const now: Seen = { n: Number(newest.n), hash: await keyLogHash(agent.id, newest) };
  globalThis.localStorage.setItem(storageKey, JSON.stringify({ ...readSeen(), [agent.id]: now }));
  return key;
}

const same = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && one.every((byte, i) => byte === other[i]);

interface SealFor {
  readonly agent: Agent;
  readonly log: readonly KeyLogEntry[];
  readonly projectId: string;
  readonly clusterName: string;
}

/**
 * Seals each value so that it opens for this agent, cluster and parameter only, for 30 days.
 * @throws SealingError
 */
export async function sealSecrets(
  values: Readonly<Record<string, string>>,
  { agent, log, projectId, clusterName }: SealFor,
): Promise<Pick<SealedSecret, 'name' | 'keyId' | 'sealed' | 'version' | 'notAfter'>[]> {
  const publicKey = await trustedKey(agent, log);
  const id = await keyId(publicKey);
  // The agent takes no version below one that it has seen: a value that is given later is a newer one.
  const version = Math.floor(Date.now() / 1000);
  const notAfter = version + validSeconds;
  return Promise.all(
    Object.entries(values).map(async ([name, value]) => {
      const secretId = `${projectId}/${clusterName}/${name}`;
      const aad = canonicalAad({
        tenant: agent.orgId,
        agent: agent.id,
        secretId,
        version,
        purpose,
        keyId: id,
        notAfter,
      });
      const sealed = await seal({ publicKey, plaintext: new TextEncoder().encode(value), aad });
      return { name, keyId: id, sealed, version, notAfter: BigInt(notAfter) };
    }),
  );
}
