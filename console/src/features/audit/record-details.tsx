import { timestampDate } from '@bufbuild/protobuf/wkt';
import { Button, Code, DataList, Dialog, Flex, Heading, Text } from '@radix-ui/themes';
import type { AuditRecord } from '@truffle/api/tenant/v1/audit';
import { texts } from '../../texts/texts.ts';
import { ListTable } from '../../ui/table.tsx';
import { ScrollText } from '../../ui/scroll.tsx';
import { toHex } from './hex.ts';

const text = texts.audit;

/** All that a record says, and what it changed, in a dialog. */
export function RecordDetails({ record }: { readonly record: AuditRecord }) {
  const { event, changes } = record;
  const label = changes.length === 0 ? text.details : text.changeCount(changes.length);
  return (
    <Dialog.Root>
      <Dialog.Trigger>
        <Button size="1" variant="soft" aria-label={text.detailsOf(label, event?.n ?? 0n)}>
          {label}
        </Button>
      </Dialog.Trigger>
      <Dialog.Content maxWidth="860px" aria-describedby={undefined}>
        <Dialog.Title>{event?.action || event?.type}</Dialog.Title>
        <Flex direction="column" gap="4">
          <Facts record={record} />
          {changes.length > 0 && (
            <ListTable
              label={text.changes}
              rows={changes}
              keyOf={({ path }) => path}
              columns={[
                { title: text.path, cell: ({ path }) => <Code>{path}</Code> },
                { title: text.before, cell: ({ before }) => <Value json={before} sign="−" /> },
                { title: text.after, cell: ({ after }) => <Value json={after} sign="+" /> },
              ]}
            />
          )}
          <div>
            <Heading as="h2" size="2" mb="2">
              {text.data}
            </Heading>
            <ScrollText label={text.data}>{JSON.stringify(event?.data ?? {}, undefined, 2)}</ScrollText>
          </div>
          <Flex justify="end">
            <Dialog.Close>
              <Button>{texts.confirm.done}</Button>
            </Dialog.Close>
          </Flex>
        </Flex>
      </Dialog.Content>
    </Dialog.Root>
  );
}

function Value({ json, sign }: { readonly json: string; readonly sign: string }) {
  return json === '' ? (
    <Text color="gray">{text.absent}</Text>
  ) : (
    <Code highContrast className="value" color={sign === '+' ? 'green' : 'red'}>
      {sign} {json}
    </Code>
  );
}

function Facts({ record: { event, address, userAgent, hash } }: { readonly record: AuditRecord }) {
  if (event === undefined) return null;
  const facts = [
    [text.number, String(event.n)],
    [text.type, event.type],
    [text.when, event.occurredAt === undefined ? '' : timestampDate(event.occurredAt).toISOString()],
    [text.fields.actor, `${event.actor?.displayName ?? ''} ${event.actor?.subject ?? ''}`],
    [text.onBehalf, event.actor?.onBehalfOf],
    [text.fields.resource, event.resourceId],
    [text.fields.result, event.result],
    [text.fields.address, address],
    [text.program, userAgent],
    [text.request, event.requestId],
    [text.hash, toHex(hash)],
  ] as const;
  return (
    <DataList.Root size="1">
      {facts.map(([label, value]) =>
        value === undefined || value === '' ? null : (
          <DataList.Item key={label}>
            <DataList.Label>{label}</DataList.Label>
            <DataList.Value>
              <Code className="value">{value}</Code>
            </DataList.Value>
          </DataList.Item>
        ),
      )}
    </DataList.Root>
  );
}
