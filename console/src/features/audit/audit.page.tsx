import { Tabs, Text } from '@radix-ui/themes';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { usePlace } from '../../app/place.tsx';
import { texts } from '../../texts/texts.ts';
import { Page } from '../../ui/page.tsx';
import { Checkpoints } from './checkpoints.tsx';
import { EraseSubject } from './erase.tsx';
import { ExportTrail } from './export.tsx';
import { Filters } from './filters.tsx';
import { filterOf } from './filter.ts';
import { Records } from './records.tsx';
import { Verify } from './verify.tsx';

const text = texts.audit;
const from = '/o/$org/audit';

/** The audit trail: search, differences, export, and the proof that it is whole. */
export default function AuditPage() {
  const { organization } = usePlace();
  const search = useSearch({ from });
  const navigate = useNavigate({ from });
  const orgId = organization?.id ?? '';
  const filter = filterOf(search);
  return (
    <Page
      title={text.title}
      actions={
        <>
          <EraseSubject orgId={orgId} />
          <ExportTrail orgId={orgId} filter={filter} />
        </>
      }
    >
      <Tabs.Root
        value={search.tab ?? 'records'}
        onValueChange={(tab) =>
          void navigate({ search: (was) => ({ ...was, tab: tab === 'records' ? undefined : tab }), replace: true })
        }
      >
        <Tabs.List>
          <Tabs.Trigger value="records">{text.records}</Tabs.Trigger>
          <Tabs.Trigger value="proof">{text.proof}</Tabs.Trigger>
        </Tabs.List>
        <Tabs.Content value="records" className="tab">
          <Filters />
          <Records orgId={orgId} filter={filter} />
        </Tabs.Content>
        <Tabs.Content value="proof" className="tab">
          <Text as="p" color="gray" size="2">
            {text.proofHint}
          </Text>
          <Verify orgId={orgId} />
          <Checkpoints orgId={orgId} />
        </Tabs.Content>
      </Tabs.Root>
    </Page>
  );
}
