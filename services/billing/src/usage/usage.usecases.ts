import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { Event } from '@truffle/api/tenant/v1/event';
import { eventType } from '@truffle/database';
import { newId } from '@truffle/ids';
import type { BillingParts } from '../parts.ts';
import { insertUsage, noteServer } from './usage.repo.ts';

/** Seconds between a server's being ready and its being deleted. */
export const serverRunning = 'server.running';

const ready = eventType('server.ready');
const deleted = eventType('server.deleted');

/** Turns an event into usage, when it tells of any. The same event again, or events in another order, make no difference. */
export async function meter(parts: Pick<BillingParts, 'database'>, event: Event): Promise<void> {
  if (event.type !== ready && event.type !== deleted) return;
  if (event.occurredAt === undefined) return;
  const at = new Date(timestampMs(event.occurredAt));
  const isReady = event.type === ready;
  const told = {
    org_id: event.orgId,
    server_id: event.resourceId,
    ready_at: isReady ? at : null,
    deleted_at: isReady ? null : at,
    deleted_event_id: isReady ? null : event.id,
  };
  await parts.database.tenant(event.orgId, async (tx) => {
    const known = await noteServer(tx, told);
    // A server that was never ready was never used.
    if (known.ready_at === null || known.deleted_at === null || known.deleted_event_id === null) return;
    await insertUsage(tx, {
      org_id: event.orgId,
      id: newId('usg', known.deleted_at.getTime()),
      meter: serverRunning,
      quantity: Math.max(0, known.deleted_at.getTime() - known.ready_at.getTime()) / 1000,
      window_start: known.ready_at,
      window_end: known.deleted_at,
      resource_id: event.resourceId,
      project_id: event.projectId === '' ? null : event.projectId,
      source_event_id: known.deleted_event_id,
    });
  });
}
