import type { ServiceImpl } from '@connectrpc/connect';
import type { EventService } from '@truffle/api/tenant/v1/event_service';
import { pageOf, type Database, type LedgerTables } from '@truffle/database';
import { callerOf } from '@truffle/kit';
import { eventMessage } from './event.codec.ts';
import { readEvents } from './event.repo.ts';
import type { EventHub } from './hub.ts';

export const eventRpc = (database: Database<LedgerTables>, hub: EventHub): ServiceImpl<typeof EventService> => ({
  listEvents: async (request, context) => {
    const page = pageOf(request.page);
    const after = page.after === undefined ? request.after : BigInt(page.after);
    const found = await database.tenant(callerOf(context).orgId, (tx) =>
      readEvents(tx, after, page.limit + 1, request.resourceId),
    );
    const { rows, next } = page.cut(found, (row) => row.n);
    return { events: rows.map(eventMessage), page: { next } };
  },
  watchEvents: async function* (request, context) {
    const { orgId } = callerOf(context);
    for await (const event of hub.watch({
      orgId,
      after: request.after,
      resourceId: request.resourceId,
      signal: context.signal,
    }))
      yield event === undefined ? {} : { event };
  },
});
