import { useMutation } from '@connectrpc/connect-query';
import { Badge, Callout, Code, Text } from '@radix-ui/themes';
import { AuditStreamState, type AuditStream } from '@truffle/api/tenant/v1/audit_stream';
import { AuditStreamService } from '@truffle/api/tenant/v1/audit_stream_service';
import { usePlace } from '../../app/place.tsx';
import { texts } from '../../texts/texts.ts';
import { Delete } from '../../ui/delete.tsx';
import { List } from '../../ui/list.tsx';
import { Act } from '../../ui/may.tsx';
import { Empty, Notice } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { usePages } from '../../ui/pages.ts';
import { useSorting } from '../../ui/sorting.ts';
import { Ago } from '../../ui/time.tsx';
import { StreamForm } from './stream-form.tsx';

const text = texts.security;

/** Where the audit trail is sent as it grows. */
export default function StreamsPage() {
  const { organization } = usePlace();
  const orgId = organization?.id ?? '';
  const sorting = useSorting('created_at');
  const asked = { orgId, orderBy: sorting.by };
  const pages = usePages(AuditStreamService.method.listAuditStreams, asked, ({ auditStreams }) => auditStreams, {
    enabled: orgId !== '',
  });
  return (
    <Page title={text.streams} actions={<StreamForm orgId={orgId} />}>
      <List
        label={text.streams}
        pages={pages}
        sorting={sorting}
        empty={
          <Empty
            title={text.noStreams}
            hint={text.streamsHint}
            command="truffle audit stream create siem https://siem.acme.example/hook"
          />
        }
        keyOf={({ id }) => id}
        columns={[
          { title: texts.access.name, sort: 'name', cell: ({ name }) => <Text weight="medium">{name}</Text> },
          {
            title: text.goesTo,
            cell: ({ target }) => (
              <>
                {text.streamKinds[target?.kind ?? 0]} <Code>{target?.address}</Code>
              </>
            ),
          },
          { title: texts.access.state, cell: (stream) => <State stream={stream} /> },
          {
            title: text.delivered,
            cell: ({ lastDeliveredAt, cursor }) => (
              <>
                <Ago at={lastDeliveredAt} /> {text.upTo(Number(cursor))}
              </>
            ),
          },
          { title: texts.access.actions, cell: (stream) => <Actions stream={stream} /> },
        ]}
      />
    </Page>
  );
}

function State({ stream: { state, failures, failingSince, lastError } }: { readonly stream: AuditStream }) {
  if (state === AuditStreamState.ACTIVE && failures === 0)
    return (
      <Badge highContrast color="green">
        {text.sent}
      </Badge>
    );
  return (
    <>
      <Badge highContrast color={state === AuditStreamState.ACTIVE ? 'amber' : 'red'}>
        {state === AuditStreamState.ACTIVE ? text.failing : text.stopped}
      </Badge>
      <Text as="div" size="1">
        {text.since} <Ago at={failingSince} />: {lastError}
      </Text>
    </>
  );
}

function Actions({ stream: { id, orgId, name, state } }: { readonly stream: AuditStream }) {
  const test = useMutation(AuditStreamService.method.testAuditStream);
  const resume = useMutation(AuditStreamService.method.resumeAuditStream);
  const remove = useMutation(AuditStreamService.method.deleteAuditStream);
  const error = test.error ?? resume.error ?? remove.error;
  const act = { on: orgId, size: '1', variant: 'soft' } as const;
  return (
    <div className="row-actions">
      <Act
        {...act}
        permission="audit_stream.test"
        loading={test.isPending}
        onClick={() => test.mutate({ auditStreamId: id })}
      >
        {text.test}
      </Act>
      {state === AuditStreamState.DISABLED && (
        <Act {...act} permission="audit_stream.resume" onClick={() => resume.mutate({ auditStreamId: id })}>
          {text.resume}
        </Act>
      )}
      <Delete
        name={name}
        hint={text.deleteStreamHint}
        permission="audit_stream.delete"
        on={orgId}
        onDelete={() => remove.mutate({ auditStreamId: id })}
      />
      {test.data !== undefined && (
        <Callout.Root highContrast size="1" color={test.data.delivered ? 'green' : 'red'} role="status">
          <Callout.Text>{test.data.delivered ? text.testTaken : text.testRefused(test.data.error)}</Callout.Text>
        </Callout.Root>
      )}
      {error !== null && <Notice error={error} />}
    </div>
  );
}
