import type { ServiceImpl } from '@connectrpc/connect';
import { AuditFormat } from '@truffle/api/tenant/v1/audit';
import type { AuditService } from '@truffle/api/tenant/v1/audit_service';
import { appendEvent, pageOf, type Database, type LedgerTables } from '@truffle/database';
import { authorOf, callerOf, orderOf } from '@truffle/kit';
import { checkpointMessage, filterOf, recordMessage } from './audit.codec.ts';
import { exportCsv, exportJsonLines, type ExportParts } from './audit.export.ts';
import { askErasure } from '../erasure/erasure.repo.ts';
import type { TenantTables } from '../tables.ts';
import { erasePerson } from './audit.keeper.repo.ts';
import { readCheckpoints, readRecords, type Span } from './audit.repo.ts';

export interface AuditParts extends ExportParts {
  /** As `svc_ledger_keeper`. */
  readonly keeper: Pick<Database<LedgerTables>, 'anywhere'>;
  /** As a role that appends events. */
  readonly writer: Pick<Database<TenantTables>, 'tenant'>;
}

export const auditRpc = (parts: AuditParts): ServiceImpl<typeof AuditService> => ({
  listAuditRecords: async (request, context) => {
    const page = pageOf(request.page);
    const at = page.after === undefined ? undefined : BigInt(page.after);
    // A chain's numbers rise with its time.
    const { descending } = orderOf(context.method, request.orderBy);
    const span: Span = descending ? { below: at, order: 'desc' } : { above: at, order: 'asc' };
    const found = await parts.events.tenant(callerOf(context).orgId, (tx) =>
      readRecords(tx, filterOf(request.filter), span, page.limit + 1),
    );
    const { rows, next } = page.cut(found, (row) => row.record.n);
    return { records: rows.map(recordMessage), page: { next } };
  },
  exportAuditRecords: async function* (request, context) {
    const { orgId } = callerOf(context);
    const write = request.format === AuditFormat.CSV ? exportCsv : exportJsonLines;
    for await (const text of write(parts, orgId, filterOf(request.filter))) yield { chunk: Buffer.from(text) };
  },
  listAuditCheckpoints: async (request, context) => {
    const page = pageOf(request.page);
    const span = { below: page.after === undefined ? undefined : BigInt(page.after), order: 'desc' } as const;
    const found = await parts.events.tenant(callerOf(context).orgId, (tx) => readCheckpoints(tx, span, page.limit + 1));
    const { rows, next } = page.cut(found, (row) => row.n);
    return {
      checkpoints: rows.map(checkpointMessage),
      keys: [...parts.signer.publicKeys].map(([keyId, key]) => ({
        keyId,
        publicKey: key.export({ type: 'spki', format: 'pem' }),
      })),
      page: { next },
    };
  },
  eraseAuditSubject: async (request, context) => {
    const caller = callerOf(context);
    const { orgId } = caller;
    // The record comes first: when the erasure fails, it was asked for.
    await parts.writer.tenant(orgId, async (tx) => {
      await askErasure(tx, request.subject, orgId, parts.now());
      await appendEvent(tx, authorOf(caller), {
        orgId,
        name: 'audit.subject_erased',
        resourceId: request.subject.split(':')[1] ?? '',
        data: { subject: request.subject },
      });
    });
    return { erased: await parts.keeper.anywhere((tx) => erasePerson(tx, request.subject, orgId)) };
  },
});
