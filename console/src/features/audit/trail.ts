import { createClient } from '@connectrpc/connect';
import type { AuditFormat } from '@truffle/api/tenant/v1/audit';
import { AuditService } from '@truffle/api/tenant/v1/audit_service';
import { transport } from '../../app/transport.ts';
import type { Filter } from './filter.ts';

const client = createClient(AuditService, transport);

/** The bytes of an export as they come. @throws ConnectError */
export async function* trailBytes(
  orgId: string,
  format: AuditFormat,
  filter?: Filter,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const request = { orgId, format, ...(filter === undefined ? {} : { filter }) };
  for await (const { chunk } of client.exportAuditRecords(request, { timeoutMs: 0 })) yield new Uint8Array(chunk);
}

/** Lines of a text that comes in pieces. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines.filter((line) => line !== '');
  }
  if (rest !== '') yield rest;
}
