import { useQuery } from '@connectrpc/connect-query';
import { AuditService } from '@truffle/api/tenant/v1/audit_service';
import { Link } from '@tanstack/react-router';
import { useMay } from '../../app/may.ts';
import { texts } from '../../texts/texts.ts';
import { Ago } from '../../ui/time.tsx';
import { Line, Panel } from './panels.tsx';

const shown = 8;

/** Who changed what lately, for who may read the audit trail; nothing for others. */
export function Changes({ orgId, org }: { readonly orgId: string; readonly org: string }) {
  const { allowed } = useMay('audit.list', orgId);
  const { data } = useQuery(
    AuditService.method.listAuditRecords,
    { orgId, filter: { result: 'OK' }, page: { size: shown } },
    { enabled: allowed },
  );
  if (!allowed || data === undefined) return null;
  return (
    <Panel title={texts.dashboard.changes}>
      {data.records.map(({ event }) => (
        <Line
          key={event?.id}
          link={
            <Link
              to="/o/$org/audit"
              params={{ org }}
              search={{ resource: event?.resourceId ?? '' }}
              className="row-link"
            >
              {event?.action || event?.type.replace(/^dev\.truffle\.|\.v\d+$/g, '')}
            </Link>
          }
          aside={
            <>
              {event?.actor?.displayName || event?.actor?.subject} · <Ago at={event?.occurredAt} />
            </>
          }
        />
      ))}
    </Panel>
  );
}
