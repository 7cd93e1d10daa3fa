import { useQuery } from '@connectrpc/connect-query';
import { Button, Callout, Code, Flex, SegmentedControl, Text } from '@radix-ui/themes';
import { AuditService } from '@truffle/api/tenant/v1/audit_service';
import { GitMerge } from 'lucide-react';
import { useState } from 'react';
import { texts } from '../texts/texts.ts';
import type { Difference, Draft, Take } from './draft.ts';
import { Ago } from './time.tsx';

const text = texts.merge;

interface MergeProps<T extends object> {
  readonly draft: Draft<T>;
  readonly orgId: string;
  /** Id of what is edited. */
  readonly resourceId: string;
}

/** Says who changed meanwhile what one is editing, and lets one merge. Nothing while nobody did. */
export function Merge<T extends object>({ draft, orgId, resourceId }: MergeProps<T>) {
  const [takes, setTakes] = useState<Readonly<Record<string, Take>>>({});
  const { data } = useQuery(
    AuditService.method.listAuditRecords,
    { orgId, filter: { resourceId, result: 'OK' }, page: { size: 1 } },
    { enabled: draft.stale },
  );
  if (!draft.stale) return null;
  const event = data?.records[0]?.event;
  return (
    <Callout.Root highContrast color="amber" role="alert" size="1">
      <Callout.Icon>
        <GitMerge size={16} />
      </Callout.Icon>
      <Callout.Text>
        {text.changed(event?.actor?.displayName || text.somebody)}{' '}
        {event?.occurredAt !== undefined && <Ago at={event.occurredAt} />} {text.hint}
      </Callout.Text>
      <Flex direction="column" gap="3">
        {draft.differences.map((difference) => (
          <Field
            key={difference.field.key}
            difference={difference}
            take={takes[difference.field.key] ?? (difference.field.both === undefined ? 'mine' : 'both')}
            onTake={(take) => setTakes({ ...takes, [difference.field.key]: take })}
          />
        ))}
        <div>
          <Button type="button" size="1" onClick={() => draft.merge(takes)}>
            {text.merge}
          </Button>
        </div>
      </Flex>
    </Callout.Root>
  );
}

interface FieldProps<T> {
  readonly difference: Difference<T>;
  readonly take: Take;
  readonly onTake: (take: Take) => void;
}

function Field<T>({ difference, take, onTake }: FieldProps<T>) {
  const { field, base, mine, theirs, clash } = difference;
  return (
    <Flex direction="column" gap="1">
      <Text size="2" weight="medium">
        {field.label}
      </Text>
      <Text size="1">
        {text.was} <Code className="value">{base || '–'}</Code> {text.is} <Code className="value">{theirs || '–'}</Code>
      </Text>
      {clash ? (
        <>
          <Text size="1">
            {text.yours} <Code className="value">{mine || '–'}</Code>
          </Text>
          <SegmentedControl.Root
            size="1"
            value={take}
            aria-label={text.take(field.label)}
            onValueChange={(value) => onTake(value as Take)}
          >
            <SegmentedControl.Item value="mine">{text.takes.mine}</SegmentedControl.Item>
            <SegmentedControl.Item value="theirs">{text.takes.theirs}</SegmentedControl.Item>
            {field.both !== undefined && <SegmentedControl.Item value="both">{text.takes.both}</SegmentedControl.Item>}
          </SegmentedControl.Root>
        </>
      ) : (
        <Text size="1" color="gray">
          {text.taken}
        </Text>
      )}
    </Flex>
  );
}
