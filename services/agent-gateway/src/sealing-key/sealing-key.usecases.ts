import type { SealingKeyEntry } from '@truffle/api/agent/v1/sealing_key';
import { appendEvent } from '@truffle/database';
import { NotFoundProblem, PreconditionProblem } from '@truffle/kit';
import { isSigned, keyId, keyLogHash, type KeyLogEntry } from '@truffle/sealing';
import { readAgent } from '../agent/agent.repo.ts';
import { lockAgent } from '../agent/certificate.repo.ts';
import { demandHolder, type CertificateHolder } from '../agent/certificate.usecases.ts';
import type { GatewayDatabase } from '../tables.ts';
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
}

/**
 * The agent looks at its own log, and adds to it. Nobody else can: an entry must be signed by the identity key that the agent enrolled
 * with, be of the sealing key that it enrolled with, and follow the newest.
 * @throws RenewalProblem when the certificate is not good any more, PreconditionProblem when the entry does not fit
 */
export function syncSealingKey(
  database: GatewayDatabase,
  holder: CertificateHolder,
  entry: SealingKeyEntry | undefined,
): Promise<Published> {
  const { orgId, agentId } = holder;
  return database.tenant(orgId, async (tx) => {
    const agent = demandHolder(await lockAgent(tx, agentId), holder);
    const newest = await readNewest(tx, agentId);
    const publishedKey = agent.sealing_public_key;
    const known = newest === undefined ? '' : keyLogHash(agentId, entryOf(newest));
    if (entry === undefined || (newest !== undefined && keyLogHash(agentId, entry) === known))
      return { newest, publishedKey };
    const fits =
      entry.n === BigInt(newest?.n ?? 0) + 1n &&
      Buffer.from(entry.previousSha256).toString('hex') === known &&
      publishedKey.equals(entry.publicKey) &&
      agent.identity_public_key.equals(entry.identityPublicKey) &&
      isSigned(agentId, entry);
    if (!fits)
      throw new PreconditionProblem(
        'KEY_LOG_ENTRY_REFUSED',
        "the entry does not follow the newest, or is not the agent's",
        {
          agentId,
        },
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
    await appendEvent(
      tx,
      { subject: `agent:${agentId}`, requestId: agentId },
      {
        orgId,
        name: 'agent.sealing_key_added',
        resourceId: agentId,
        data: { after: { n: Number(entry.n), keyId: keyId(entry.publicKey) } },
      },
    );
    return { newest: await readNewest(tx, agentId), publishedKey };
  });
}
