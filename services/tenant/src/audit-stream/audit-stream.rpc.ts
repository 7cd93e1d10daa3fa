import type { ServiceImpl } from '@connectrpc/connect';
import { AuditStreamKind } from '@truffle/api/tenant/v1/audit_stream';
import type { AuditStreamService } from '@truffle/api/tenant/v1/audit_stream_service';
import { callerOf, orderedPageOf } from '@truffle/kit';
import { auditStreamMessage } from './audit-stream.codec.ts';
import { listStreams, streamOrdering } from './audit-stream.repo.ts';
import { withAddress } from './audit-stream.secret.ts';
import { createStream, endStream, resumeStream, testStream, type AuditStreamParts } from './audit-stream.usecases.ts';

export const auditStreamRpc = (parts: AuditStreamParts): ServiceImpl<typeof AuditStreamService> => ({
  createAuditStream: async ({ name, target }, context) => {
    const { row, secret } = await createStream(parts, callerOf(context), {
      name,
      kind: target?.kind ?? AuditStreamKind.UNSPECIFIED,
      address: target?.address ?? '',
      caPem: target?.caPem ?? '',
    });
    return { auditStream: auditStreamMessage(row), secret };
  },
  listAuditStreams: async (request, context) => {
    const page = orderedPageOf(context, request, streamOrdering);
    const { rows, next } = await parts.tenants.tenant(callerOf(context).orgId, async (tx) => {
      const cut = page.cut(await listStreams(tx, page));
      const rows = [];
      for (const row of cut.rows) rows.push(await withAddress(parts.secrets, tx, row));
      return { rows, next: cut.next };
    });
    return { auditStreams: rows.map(auditStreamMessage), page: { next } };
  },
  testAuditStream: async (request, context) => {
    const error = await testStream(parts, callerOf(context), request.auditStreamId);
    return { delivered: error === undefined, error: error ?? '' };
  },
  resumeAuditStream: async (request, context) => ({
    auditStream: auditStreamMessage(await resumeStream(parts, callerOf(context), request.auditStreamId)),
  }),
  deleteAuditStream: async (request, context) => {
    await endStream(parts, callerOf(context), request.auditStreamId);
    return {};
  },
});
