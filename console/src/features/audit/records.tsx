import { Badge, Code, Text } from '@radix-ui/themes';
import { AuditService } from '@truffle/api/tenant/v1/audit_service';
import { texts } from '../../texts/texts.ts';
import { List } from '../../ui/list.tsx';
import { Empty } from '../../ui/notice.tsx';
import { usePages } from '../../ui/pages.ts';
import { useSorting } from '../../ui/sorting.ts';
import { Ago } from '../../ui/time.tsx';
import type { Filter } from './filter.ts';
import { RecordDetails } from './record-details.tsx';

const text = texts.audit;

/** Records that meet the conditions. */
export function Records({ orgId, filter }: { readonly orgId: string; readonly filter: Filter }) {
  const sorting = useSorting('occurred_at desc');
  const asked = { orgId, filter, orderBy: sorting.by };
  const pages = usePages(AuditService.method.listAuditRecords, asked, ({ records }) => records, {
    enabled: orgId !== '',
  });
  return (
    <List
      label={text.records}
      pages={pages}
      sorting={sorting}
      empty={<Empty title={text.none} hint={text.noneHint} command="truffle audit list --action 'cluster.*'" />}
      keyOf={({ event }) => event?.id ?? ''}
      columns={[
        {
          title: text.what,
          cell: ({ event }) => (
            <>
              <Text weight="medium">{event?.action || event?.type.replace(/^dev\.truffle\.|\.v\d+$/g, '')}</Text>
              <Text as="div" size="1" color="gray">
                <Code variant="ghost">{event?.resourceId}</Code>
              </Text>
            </>
          ),
        },
        { title: text.when, sort: 'occurred_at', cell: ({ event }) => <Ago at={event?.occurredAt} /> },
        {
          title: text.fields.actor,
          cell: ({ event, erased }) => (erased ? text.erased : event?.actor?.displayName || event?.actor?.subject),
        },
        {
          title: text.fields.result,
          cell: ({ event }) => (
            <Badge highContrast color={event?.result === 'OK' ? 'green' : 'red'}>
              {event?.result}
            </Badge>
          ),
        },
        { title: text.fields.address, cell: ({ address }) => address || '–' },
        { title: text.changes, cell: (record) => <RecordDetails record={record} /> },
      ]}
    />
  );
}
