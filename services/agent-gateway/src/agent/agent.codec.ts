import { create, fromBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { AgentSchema, AgentState, InventorySchema, QuarantineSchema, type Agent } from '@truffle/api/agent/v1/agent';
import { fingerprintWords, keyId } from '@truffle/sealing';
import { wayOut, type QuarantineView } from './agent.quarantine.ts';
import type { AgentRow } from './agent.repo.ts';

/** An agent as callers see it; the inventory and a quarantine's holders are left out of lists. */
export function agentOf(
  row: AgentRow,
  openCommands: number,
  withInventory: boolean,
  quarantine?: QuarantineView,
): Agent {
  return create(AgentSchema, {
    id: row.id,
    orgId: row.org_id,
    name: row.name,
    state: AgentState[row.state],
    version: row.version,
    ...(row.last_seen_at === null ? {} : { lastSeenAt: timestampFromDate(row.last_seen_at) }),
    stateSince: timestampFromDate(row.state_since),
    ...(withInventory && row.inventory !== null ? { inventory: fromBinary(InventorySchema, row.inventory) } : {}),
    sealingKey: sealingKeyOf(row),
    region: row.region,
    revision: BigInt(row.revision),
    createdAt: timestampFromDate(row.created_at),
    openCommands,
    ...(row.certificate_ends === null ? {} : { certificateEndsAt: timestampFromDate(row.certificate_ends) }),
    ...(quarantine === undefined ? {} : { quarantine: quarantineOf(row.name, quarantine) }),
  });
}

/** An agent as projects see it that may use it: what it is called, whether it works, and what they seal secrets for it with. */
export const sharedAgentOf = (row: AgentRow): Agent =>
  create(AgentSchema, {
    id: row.id,
    orgId: row.org_id,
    name: row.name,
    state: AgentState[row.state],
    sealingKey: sealingKeyOf(row),
    region: row.region,
  });

const sealingKeyOf = ({ sealing_public_key: publicKey }: AgentRow) => ({
  keyId: keyId(publicKey),
  publicKey,
  fingerprint: fingerprintWords(publicKey),
});

const quarantineOf = (name: string, { row, holders }: QuarantineView): MessageInitShape<typeof QuarantineSchema> => ({
  reason: row.reason,
  message: row.message,
  since: timestampFromDate(row.since),
  wayOut: [...wayOut(name, row.reason)],
  holders: holders.flatMap(({ fingerprints, incarnation, journalLsn, recorded }) =>
    fingerprints.map((fingerprint) => ({ fingerprint, incarnation, journalLsn, recorded })),
  ),
});
