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
    sealingKey: {
      keyId: keyId(row.sealing_public_key),
      publicKey: row.sealing_public_key,
      fingerprint: fingerprintWords(row.sealing_public_key),
    },
    region: row.region,
    revision: BigInt(row.revision),
    createdAt: timestampFromDate(row.created_at),
    openCommands,
    ...(row.certificate_ends === null ? {} : { certificateEndsAt: timestampFromDate(row.certificate_ends) }),
    ...(quarantine === undefined ? {} : { quarantine: quarantineOf(row.name, quarantine) }),
  });
}

const quarantineOf = (name: string, { row, holders }: QuarantineView): MessageInitShape<typeof QuarantineSchema> => ({
  reason: row.reason,
  message: row.message,
  since: timestampFromDate(row.since),
  wayOut: [...wayOut(name, row.reason)],
  holders: holders.flatMap(({ fingerprints, incarnation, journalLsn, recorded }) =>
    fingerprints.map((fingerprint) => ({ fingerprint, incarnation, journalLsn, recorded })),
  ),
});
