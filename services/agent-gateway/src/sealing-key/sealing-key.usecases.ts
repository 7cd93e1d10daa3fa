import type { SealingKeyEntry } from '@truffle/api/agent/v1/sealing_key';
import { appendEvent } from '@truffle/database';
import { NotFoundProblem, PreconditionProblem } from '@truffle/kit';
import { isSigned, keyId, keyLogHash, type KeyLogEntry } from '@truffle/sealing';
import { quarantineAgent } from '../agent/agent.quarantine.ts';
import { publishKey, readAgent, type AgentRow } from '../agent/agent.repo.ts';
import { lockAgent } from '../agent/certificate.repo.ts';
import { demandHolder, type CertificateHolder } from '../agent/certificate.usecases.ts';
import type { EnrollmentParts } from '../agent/enrollment.usecases.ts';
import type { GatewayDatabase, Tx } from '../tables.ts';
import { addEntry, readLog, readNewest, type SealingKeyRow } from './sealing-key.repo.ts';

/** A row as the agent signed it. */
export const entryOf = (row: SealingKeyRow): KeyLogEntry => ({
  n: BigInt(row.n),
  publicKey: row.public_key,
  identityPublicKey: row.identity_public_key,
  previousSha256: row.previous_sha256,
  signature: row.signature,
});

/** @throws NotFoundProblem */
export function listSealingKeys(database: GatewayDatabase, orgId: string, agentId: string): Promise<SealingKeyRow[]> {
  return database.tenant(orgId, async (tx) => {
    if ((await readAgent(tx, agentId)) === undefined) throw new NotFoundProblem('agent', agentId);
    return readLog(tx, agentId);
  });
}

/** What is published as the agent's key, after its entry was added where one is given. */
export interface Published {
  readonly newest: SealingKeyRow | undefined;
  readonly publishedKey: Buffer;
  /** The agent is in quarantine for what it said. */
  readonly quarantined: boolean;
}

/** What the agent says of its log. */
export interface OwnWord {
  readonly entry?: SealingKeyEntry | undefined;
  /** What it saw published that is not its own; empty for nothing. */
  readonly substituted: string;
}

export type SealingKeyParts = Pick<EnrollmentParts, 'database' | 'quarantined'>;

/** Entries that one log holds at most: rotations for centuries. */
const mostEntries = 1_000;

/**
 * The agent looks at its own log, and adds to it. Nobody else can: an entry must be signed by the identity key that the agent enrolled
 * with and follow the newest. The first one is of the sealing key that it enrolled with; a later one is of a key that the log never held,
 * which is published from then on. An agent that sees another key than its own is quarantined until a person has looked.
 * @throws RenewalProblem when the certificate is not good any more, PreconditionProblem when the entry does not fit
 */
export async function syncSealingKey(
  parts: SealingKeyParts,
  holder: CertificateHolder,
  word: OwnWord,
): Promise<Published> {
  const { orgId, agentId } = holder;
  const why = { reason: 'KEY_SUBSTITUTED', message: word.substituted.replaceAll('\0', '').slice(0, 500) };
  const published = await parts.database.tenant(orgId, async (tx) => {
    const agent = demandHolder(await lockAgent(tx, agentId), holder);
    const quarantined = why.message !== '' && (await quarantineAgent(tx, holder, why));
    const newest = await readNewest(tx, agentId);
    const now = { newest, publishedKey: agent.sealing_public_key, quarantined };
    const { entry } = word;
    if (entry === undefined || quarantined) return now;
    if (newest !== undefined && keyLogHash(agentId, entry) === keyLogHash(agentId, entryOf(newest))) return now;
    await add(tx, agent, entry, newest);
    return { newest: await readNewest(tx, agentId), publishedKey: Buffer.from(entry.publicKey), quarantined };
  });
  if (published.quarantined) parts.quarantined(holder, why);
  return published;
}

async function add(tx: Tx, agent: AgentRow, entry: SealingKeyEntry, newest: SealingKeyRow | undefined): Promise<void> {
  const { id: agentId, org_id: orgId, sealing_public_key: publishedKey } = agent;
  const rotates = !publishedKey.equals(entry.publicKey);
  const fits =
    entry.n === BigInt(newest?.n ?? 0) + 1n &&
    entry.n <= mostEntries &&
    Buffer.from(entry.previousSha256).toString('hex') ===
      (newest === undefined ? '' : keyLogHash(agentId, entryOf(newest))) &&
    agent.identity_public_key.equals(entry.identityPublicKey) &&
    isSigned(agentId, entry) &&
    (!rotates || (await mayRotate(tx, agent, entry, newest)));
  if (!fits)
    throw new PreconditionProblem(
      'KEY_LOG_ENTRY_REFUSED',
      "the entry does not follow the newest, or is not the agent's",
      { agentId },
    );
  await addEntry(tx, {
    org_id: orgId,
    agent_id: agentId,
    n: String(entry.n),
    public_key: Buffer.from(entry.publicKey),
    identity_public_key: Buffer.from(entry.identityPublicKey),
    previous_sha256: Buffer.from(entry.previousSha256),
    signature: Buffer.from(entry.signature),
  });
  if (rotates) await publishKey(tx, agentId, Buffer.from(entry.publicKey));
  await appendEvent(
    tx,
    { subject: `agent:${agentId}`, requestId: agentId },
    {
      orgId,
      name: rotates ? 'agent.sealing_key_rotated' : 'agent.sealing_key_added',
      resourceId: agentId,
      data: {
        ...(rotates ? { before: { keyId: keyId(publishedKey) } } : {}),
        after: { n: Number(entry.n), keyId: keyId(entry.publicKey) },
      },
    },
  );
}

/** Only after an entry of its own key by the same identity, and never back to a key that was given up. */
async function mayRotate(
  tx: Tx,
  agent: AgentRow,
  entry: SealingKeyEntry,
  newest: SealingKeyRow | undefined,
): Promise<boolean> {
  if (newest === undefined || entry.publicKey.length !== agent.sealing_public_key.length) return false;
  const own =
    newest.public_key.equals(agent.sealing_public_key) && newest.identity_public_key.equals(agent.identity_public_key);
  const former = await readLog(tx, agent.id);
  return own && !former.some((row) => row.public_key.equals(entry.publicKey));
}
