import { chainHash, chainStart, recordFields, type Checkpoint, type ExportLine } from '@truffle/audit';
import type { Database, LedgerTables } from '@truffle/database';
import { readBounds, readCheckpoints, readRecords, type FullRecord, type RecordFilter } from './audit.repo.ts';
import type { CheckpointSigner } from './audit.signer.ts';

export interface ExportParts {
  /** As `svc_ledger_reader`. */
  readonly events: Pick<Database<LedgerTables>, 'tenant'>;
  readonly signer: CheckpointSigner;
  readonly now: () => Date;
}

const recordsAtOnce = 500;
const mostCheckpoints = 10_000;

type Page = { readonly records: readonly FullRecord[]; readonly checkpoints: readonly Checkpoint[] };

/** Everything that `filter` lets through up to what is there now, page by page, each read in a transaction of its own. */
async function* pages(parts: ExportParts, orgId: string, filter: RecordFilter | undefined): AsyncGenerator<Page> {
  const { first, newest } = await parts.events.tenant(orgId, readBounds);
  let above = first - 1n;
  if (filter === undefined) {
    const before = { above: above - 1n, below: first, order: 'asc' } as const;
    yield { records: [], checkpoints: await parts.events.tenant(orgId, (tx) => readCheckpoints(tx, before, 2)) };
  }
  for (;;) {
    const span = { above, below: newest + 1n, order: 'asc' } as const;
    const page = await parts.events.tenant(orgId, async (tx): Promise<Page> => {
      const records = await readRecords(tx, filter, span, recordsAtOnce);
      const last = records.at(-1)?.record.n;
      if (filter !== undefined || last === undefined) return { records, checkpoints: [] };
      const within = { above, below: BigInt(last) + 1n, order: 'asc' } as const;
      return { records, checkpoints: await readCheckpoints(tx, within, mostCheckpoints) };
    });
    yield page;
    if (page.records.length < recordsAtOnce) return;
    above = BigInt(page.records.at(-1)?.record.n ?? newest);
  }
}

/**
 * JSON Lines with everything that verifying needs. Of a whole trail the last line is a checkpoint of its newest event, signed now; but only
 * when what was read agrees with its own chain and with every checkpoint, so that nobody gets a signature for what was tampered with.
 */
export async function* exportJsonLines(
  parts: ExportParts,
  orgId: string,
  filter: RecordFilter | undefined,
): AsyncGenerator<string> {
  let hash: Buffer | undefined;
  let last: FullRecord | undefined;
  let whole = filter === undefined;
  for await (const { records, checkpoints } of pages(parts, orgId, filter)) {
    const lines: ExportLine[] = [];
    let next = 0;
    if (records.length === 0)
      for (const checkpoint of checkpoints) {
        if (checkpoint.kind === 'start') hash = Buffer.from(checkpoint.hash, 'hex');
        lines.push({ checkpoint });
      }
    for (const full of records) {
      hash ??= chainStart;
      hash = chainHash(hash, full.record);
      whole &&= hash.equals(full.hash);
      lines.push(lineOf(full));
      for (; checkpoints[next]?.n === full.record.n; next++) {
        const checkpoint = checkpoints[next] as Checkpoint;
        whole &&= checkpoint.hash === full.hash.toString('hex');
        lines.push({ checkpoint });
      }
      last = full;
    }
    if (lines.length > 0) yield lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  }
  if (whole && last !== undefined) {
    const checkpoint = parts.signer.sign('head', orgId, last.record.n, last.hash, parts.now());
    yield `${JSON.stringify({ checkpoint })}\n`;
  }
}

/** A record as a line of an export has it. */
export const lineOf = ({ record, hash, personal }: FullRecord): Extract<ExportLine, { record: unknown }> => ({
  record: Object.fromEntries(recordFields.map((field) => [field, record[field]])) as unknown as FullRecord['record'],
  hash: hash.toString('hex'),
  personal: personal === null ? null : { ...personal, salt: personal.salt.toString('base64url') },
});

const columns: readonly (readonly [string, (full: FullRecord) => string | null])[] = [
  ['n', ({ record }) => record.n],
  ['time', ({ record }) => record.occurred_at],
  ['type', ({ record }) => record.type],
  ['action', ({ record }) => record.action],
  ['result', ({ record }) => record.result],
  ['actor', ({ record }) => record.actor_subject],
  ['on_behalf_of', ({ record }) => record.actor_on_behalf_of],
  ['name', ({ personal }) => personal?.name ?? null],
  ['address', ({ personal }) => personal?.address ?? null],
  ['user_agent', ({ personal }) => personal?.user_agent ?? null],
  ['resource', ({ record }) => record.resource_id],
  ['project', ({ record }) => record.project_id],
  ['request', ({ record }) => record.request_id],
  ['data', ({ record }) => JSON.stringify(record.data)],
];

/** CSV (RFC 4180) with a head. */
export async function* exportCsv(
  parts: ExportParts,
  orgId: string,
  filter: RecordFilter | undefined,
): AsyncGenerator<string> {
  yield `${columns.map(([name]) => name).join(',')}\r\n`;
  for await (const { records } of pages(parts, orgId, filter))
    if (records.length > 0)
      yield records.map((full) => `${columns.map(([, cell]) => csvCell(cell(full) ?? '')).join(',')}\r\n`).join('');
}

/** A cell that a spreadsheet takes for text: what would be a formula there begins with an apostrophe. */
export const csvCell = (text: string): string => {
  const safe = /^\s*[=+\-@|%]|^[\t\r\n]/.test(text) ? `'${text}` : text;
  return /[",\r\n']/.test(safe) || safe !== safe.trim() ? `"${safe.replaceAll('"', '""')}"` : safe;
};
