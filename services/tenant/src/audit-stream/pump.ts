import { appendEvent, type Database } from '@truffle/database';
import { newId } from '@truffle/ids';
import type { Logger } from '@truffle/telemetry';
import { lineOf } from '../audit/audit.export.ts';
import { readRecords } from '../audit/audit.repo.ts';
import type { TenantTables } from '../tables.ts';
import { readDue, updateStream, type AuditStreamRow } from './audit-stream.repo.ts';
import { deliver, DeliveryError, type DeliveryParts } from './deliver.ts';

export interface PumpParts extends DeliveryParts {
  /** As `svc_ledger_keeper`. */
  readonly keeper: Pick<Database<TenantTables>, 'anywhere'>;
  /** As `svc_ledger_reader`. */
  readonly events: Pick<Database<TenantTables>, 'tenant'>;
  /** As a role that appends events. */
  readonly writer: Pick<Database<TenantTables>, 'tenant'>;
  readonly logger: Logger;
  readonly random: () => number;
  /** Milliseconds of failing after which a stream is disabled. */
  readonly giveUpMs: number;
}

/** Streams that are sent side by side, and records at once. */
const lanes = 16;
const recordsAtOnce = 100;
const mostBytes = 512 * 1024;
const firstPauseMs = 1_000;
const longestPauseMs = 3_600_000;

/** Sends each stream that is due its next records; a slow one holds up no other. */
export class StreamPump {
  readonly #parts: PumpParts;
  readonly #busy = new Map<string, Promise<void>>();

  constructor(parts: PumpParts) {
    this.#parts = parts;
  }

  /** Begins with what is due; `done` is called as each ends. */
  async begin(signal: AbortSignal, done: () => void): Promise<void> {
    const due = await this.#parts.keeper.anywhere((tx) => readDue(tx, lanes * 2));
    for (const stream of due) {
      if (this.#busy.has(stream.id) || this.#busy.size >= lanes || signal.aborted) continue;
      const sending = this.#send(stream, signal, done);
      this.#busy.set(stream.id, sending);
    }
  }

  async #send(stream: AuditStreamRow, signal: AbortSignal, done: () => void): Promise<void> {
    try {
      await sendSome(this.#parts, stream, signal);
    } catch (error) {
      this.#parts.logger.warn({ err: error, streamId: stream.id }, 'a stream could not be sent; the next round will');
    }
    this.#busy.delete(stream.id);
    done();
  }

  /** Resolves when nothing is on its way any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#busy.values());
  }
}

async function sendSome(parts: PumpParts, stream: AuditStreamRow, signal: AbortSignal): Promise<void> {
  const span = { above: BigInt(stream.cursor_n), order: 'asc' } as const;
  const records = await parts.events.tenant(stream.org_id, (tx) => readRecords(tx, undefined, span, recordsAtOnce));
  const lines = within(records.map(lineOf));
  const last = lines.at(-1);
  if (last === undefined) return;
  try {
    await deliver(parts, stream, lines, signal);
  } catch (error) {
    if (signal.aborted) return;
    return failed(parts, stream, error);
  }
  await parts.keeper.anywhere((tx) =>
    updateStream(tx, stream, {
      cursor_n: last.record.n,
      failures: 0,
      failing_since: null,
      last_error: '',
      last_delivered_at: parts.now(),
      next_try_at: parts.now(),
    }),
  );
}

/** As many lines from the first on as fit; the first always. */
function within<L>(lines: readonly L[]): L[] {
  let bytes = 0;
  const end = lines.findIndex((line, i) => (bytes += JSON.stringify(line).length) > mostBytes && i > 0);
  return end === -1 ? [...lines] : lines.slice(0, end);
}

async function failed(parts: PumpParts, stream: AuditStreamRow, error: unknown): Promise<void> {
  const now = parts.now();
  const since = stream.failing_since ?? now;
  const isOver = now.getTime() - since.getTime() >= parts.giveUpMs;
  const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(stream.failures, 20)) * parts.random();
  if (!(error instanceof DeliveryError))
    parts.logger.error({ err: error, streamId: stream.id }, 'a stream could not be sent');
  const text = error instanceof DeliveryError ? error.message : 'internal error';
  await parts.keeper.anywhere((tx) =>
    updateStream(tx, stream, {
      failures: stream.failures + 1,
      failing_since: since,
      last_error: text.slice(0, 500),
      next_try_at: new Date(now.getTime() + pauseMs),
      disabled_at: isOver ? now : null,
    }),
  );
  if (isOver)
    await parts.writer.tenant(stream.org_id, (tx) =>
      appendEvent(
        tx,
        { subject: 'svc:tenant', requestId: newId('req') },
        {
          orgId: stream.org_id,
          name: 'audit_stream.disabled',
          resourceId: stream.id,
          data: {
            name: stream.name,
            failures: stream.failures + 1,
            since: since.toISOString(),
            error: text.slice(0, 500),
          },
        },
      ),
    );
}
