import { Code, Text } from '@radix-ui/themes';
import { EventService } from '@truffle/api/tenant/v1/event_service';
import { texts } from '../../texts/texts.ts';
import { List } from '../../ui/list.tsx';
import { usePages } from '../../ui/pages.ts';
import { Ago } from '../../ui/time.tsx';

const text = texts.event;

/** What happened to one thing. */
export function EventList({ orgId, resourceId }: { readonly orgId: string; readonly resourceId: string }) {
  const pages = usePages(EventService.method.listEvents, { orgId, resourceId }, ({ events }) => events);
  return (
    <List
      label={text.many}
      pages={pages}
      empty={<Text color="gray">{text.none}</Text>}
      keyOf={({ id }) => id}
      columns={[
        {
          title: text.what,
          cell: ({ type }) => <Text weight="medium">{type.replace(/^dev\.truffle\.|\.v\d+$/g, '')}</Text>,
        },
        { title: text.when, sorted: 'ascending', cell: ({ occurredAt }) => <Ago at={occurredAt} /> },
        { title: text.who, cell: ({ actor }) => actor?.displayName || actor?.subject },
        { title: text.number, cell: ({ n }) => String(n) },
        { title: text.request, cell: ({ requestId }) => (requestId === '' ? '–' : <Code size="1">{requestId}</Code>) },
      ]}
    />
  );
}
