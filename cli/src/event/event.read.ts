import { timestampMs } from '@bufbuild/protobuf/wkt';
import { EventSchema } from '@truffle/api/tenant/v1/event';
import type { Handler } from '../command.ts';
import { UsageError } from '../failure/cli-error.ts';
import type { View } from '../output/output.ts';
import { printable } from '../output/printable.ts';
import { clock, when } from '../output/text.ts';
import { followEvents } from './event.changes.ts';

interface Filters {
  readonly after?: string;
  readonly resource?: string;
}

const eventView: View<typeof EventSchema> = {
  schema: EventSchema,
  name: (each) => each.id,
  columns: {
    N: (each) => String(each.n),
    TIME: (each) => when(each.occurredAt),
    TYPE: (each) => each.type,
    RESOURCE: (each) => each.resourceId,
    BY: (each) => each.actor?.displayName || each.actor?.subject || '-',
  },
};

export const list: Handler<Filters & { readonly limit?: string }> = async (
  cli,
  _,
  { after, resource = '', limit = '50' },
) => {
  const size = number(limit, '--limit', 500n);
  const session = await cli.session();
  const { events } = await session.api.events.listEvents({
    orgId: await session.orgId(),
    after: number(after ?? '0', '--after'),
    resourceId: resource,
    page: { size: Number(size), token: '' },
  });
  await cli.out.list(eventView, events);
};

export const watch: Handler<Filters> = async (cli, _, { after, resource = '' }) => {
  const session = await cli.session();
  for await (const event of followEvents(
    cli,
    session,
    after === undefined ? undefined : number(after, '--after'),
    resource,
  )) {
    if (event === undefined) continue;
    const time = event.occurredAt === undefined ? '--:--:--' : clock(timestampMs(event.occurredAt));
    await cli.out.item(
      eventView,
      event,
      printable(
        `${event.n}  ${time}  ${event.type}  ${event.resourceId}  ${event.actor?.displayName || event.actor?.subject || '-'}`,
      ),
    );
  }
};

function number(text: string, option: string, most = 2n ** 62n): bigint {
  const value = /^\d{1,18}$/.test(text) ? BigInt(text) : -1n;
  if (value < 0n || value > most)
    throw new UsageError(`${option} ${text} is none`, { next: [`give a number from 0 to ${most}`] });
  return value;
}
