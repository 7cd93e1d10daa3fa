import type { ServiceImpl } from '@connectrpc/connect';
import type { EventService } from '@truffle/api/tenant/v1/event_service';
import { pageOf, type Database, type LedgerTables } from '@truffle/database';
import { callerOf, scopeOf, viewOf, type Caller } from '@truffle/kit';
import { eventMessage } from './event.codec.ts';
import { readEvents } from './event.repo.ts';
import { eventViewOf, type EventView, type ProjectsIn } from './event.view.ts';
import type { EventHub } from './hub.ts';

/** What the caller may see, as it is now: a stream keeps it. */
const viewFor = (caller: Caller, permission: string, projectsIn: ProjectsIn): Promise<EventView> =>
  eventViewOf(viewOf(caller.bindings, permission, scopeOf(caller), Date.now()), caller.orgId, projectsIn);

export const eventRpc = (
  database: Database<LedgerTables>,
  hub: EventHub,
  projectsIn: ProjectsIn,
): ServiceImpl<typeof EventService> => ({
  listEvents: async (request, context) => {
    const page = pageOf(request.page);
    const after = page.after === undefined ? request.after : BigInt(page.after);
    const caller = callerOf(context);
    const view = await viewFor(caller, 'event.list', projectsIn);
    const found = await database.tenant(caller.orgId, (tx) =>
      readEvents(tx, after, page.limit + 1, request.resourceId, view),
    );
    const { rows, next } = page.cut(found, (row) => row.n);
    return { events: rows.map(eventMessage), page: { next } };
  },
  watchEvents: async function* (request, context) {
    const caller = callerOf(context);
    for await (const event of hub.watch({
      orgId: caller.orgId,
      view: await viewFor(caller, 'event.watch', projectsIn),
      after: request.after,
      resourceId: request.resourceId,
      signal: context.signal,
    }))
      yield event === undefined ? {} : { event };
  },
});
