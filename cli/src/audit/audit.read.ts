import { AuditRecordSchema, type AuditRecord } from '@truffle/api/tenant/v1/audit';
import type { Handler } from '../command.ts';
import { UsageError } from '../failure/cli-error.ts';
import type { View } from '../output/output.ts';
import { when } from '../output/text.ts';
import type { SortFlags } from '../lookup/sort.ts';
import { filterOf, type FilterOptions } from './audit.filter.ts';

const actorOf = ({ event, erased }: AuditRecord): string => {
  const actor = event?.actor;
  return actor?.displayName || (erased ? '(erased)' : '') || actor?.onBehalfOf || actor?.subject || '-';
};

const recordView: View<typeof AuditRecordSchema> = {
  schema: AuditRecordSchema,
  name: (each) => each.event?.id ?? '',
  columns: {
    N: (each) => String(each.event?.n ?? ''),
    TIME: (each) => when(each.event?.occurredAt),
    ACTION: (each) => each.event?.action || (each.event?.type ?? ''),
    RESULT: (each) => each.event?.result ?? '',
    RESOURCE: (each) => each.event?.resourceId ?? '',
    BY: actorOf,
    FROM: (each) => each.address || '-',
    CHANGES: (each) =>
      each.changes
        .slice(0, 3)
        .map(({ path, before, after }) => `${path}: ${before || '-'} → ${after || '-'}`)
        .join(', ') || '-',
  },
};

const mostAtOnce = 500;

export const list: Handler<FilterOptions & SortFlags & { readonly limit?: string }> = async (
  cli,
  _,
  { limit = '50', sort = '', ...options },
) => {
  const wanted = /^\d{1,6}$/.test(limit) ? Number(limit) : 0;
  if (wanted === 0) throw new UsageError(`--limit ${limit} is none`, { next: ['give a number from 1 on'] });
  const filter = filterOf(options);
  const session = await cli.session();
  const orgId = await session.orgId();
  const records: AuditRecord[] = [];
  for (let token = ''; records.length < wanted;) {
    const page = { size: Math.min(mostAtOnce, wanted - records.length), token };
    const answer = await session.api.audit.listAuditRecords({ orgId, filter, orderBy: sort, page });
    records.push(...answer.records);
    token = answer.page?.next ?? '';
    if (token === '') break;
  }
  await cli.out.list(recordView, records);
};

export const erase: Handler = async (cli, [subject = '']) => {
  const session = await cli.session();
  const { erased } = await session.api.audit.eraseAuditSubject({ orgId: await session.orgId(), subject });
  await cli.out.plain({ erased: String(erased) }, `erased: ${erased}`, String(erased));
};
