import { createWriteStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { once } from 'node:events';
import { AuditFormat, type AuditFilter } from '@truffle/api/tenant/v1/audit';
import type { Handler } from '../command.ts';
import { UsageError } from '../failure/cli-error.ts';
import type { Session } from '../session.ts';
import { filterOf, type FilterOptions } from './audit.filter.ts';

const formats: Readonly<Record<string, AuditFormat>> = { jsonl: AuditFormat.JSON_LINES, csv: AuditFormat.CSV };

export const exportTrail: Handler<FilterOptions & { readonly format?: string; readonly file?: string }> = async (
  cli,
  _,
  { format: name = 'jsonl', file = '-', ...options },
) => {
  const format = formats[name];
  if (format === undefined)
    throw new UsageError(`--format ${name} is none`, { next: [`one of ${Object.keys(formats).join(', ')}`] });
  const filter = filterOf(options);
  const session = await cli.session();
  if (file === '-') return writeTo(process.stdout, chunksOf(session, format, filter));
  const out = createWriteStream(file, { flags: 'w', mode: 0o600 });
  const written = finished(out);
  written.catch(() => undefined);
  await writeTo(out, chunksOf(session, format, filter));
  out.end();
  await written;
  cli.notes.say(`written to ${file}`);
};

/** The bytes of an export as they come. */
export async function* chunksOf(
  session: Session,
  format: AuditFormat,
  filter: AuditFilter | undefined,
): AsyncGenerator<Uint8Array> {
  const orgId = await session.orgId();
  const stream = session.api.audit.exportAuditRecords({ orgId, format, ...(filter === undefined ? {} : { filter }) });
  for await (const { chunk } of stream) yield chunk;
}

/** Waits for a slow reader, so that no more than a chunk is held. */
async function writeTo(out: Writable, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of chunks) if (!out.write(chunk)) await once(out, 'drain');
}
