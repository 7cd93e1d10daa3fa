import { timestampDate } from '@bufbuild/protobuf/wkt';
import type { LogBatch, Progress } from '@truffle/api/agent/v1/link';
import { bells, type Bell } from '@truffle/kit';
import type { Logger } from '@truffle/telemetry';
import type { GatewayDatabase } from '../tables.ts';
import type { SessionRef } from './flow.ts';
import { insertLogs, storeProgress, type LogLine, type ProgressNote } from './command-log.repo.ts';

/** Milliseconds that reports wait for more of their kind. */
export const gatherMs = 100;
const mostLines = 20_000;
const mostNotes = 20_000;
/** Per command and start of its agent: agents number lines from `boot_no * 2^32`. */
const mostLinesPerBoot = 10_000n;
const mostText = 8_192;

interface Gathered {
  readonly progress: Map<string, ProgressNote>;
  lines: LogLine[];
}

/** Progress and log lines on their way to the database: gathered, bounded, and (alone of all that agents say) lossy. */
export class Reports {
  readonly #database: GatewayDatabase;
  readonly #bell: Bell;
  readonly #logger: Logger;
  readonly #organizations = new Map<string, Gathered>();
  readonly #timer: NodeJS.Timeout;
  #lines = 0;
  #notes = 0;
  #flushing: Promise<void> | undefined;

  constructor(database: GatewayDatabase, bell: Bell, logger: Logger) {
    this.#database = database;
    this.#bell = bell;
    this.#logger = logger;
    this.#timer = setInterval(() => void this.flush(), gatherMs).unref();
  }

  progress(session: SessionRef, progress: Progress): void {
    const { progress: notes } = this.#of(session.orgId);
    const known = notes.get(progress.commandId);
    if (known === undefined && this.#notes >= mostNotes) return;
    if (known !== undefined && known.n >= progress.n) return;
    if (known === undefined) this.#notes++;
    const detail = progress.detail === '' ? progress.subStep : progress.detail;
    notes.set(progress.commandId, {
      commandId: progress.commandId,
      agentId: session.agentId,
      n: progress.n,
      detail: clean(detail).slice(0, 500),
    });
  }

  logs(session: SessionRef, batch: LogBatch): void {
    const gathered = this.#of(session.orgId);
    for (const entry of batch.entries) {
      // What does not fit is lost; the agent's own copy of the log has it.
      if (this.#lines >= mostLines || (entry.n & 0xffff_ffffn) > mostLinesPerBoot) return;
      this.#lines++;
      gathered.lines.push({
        commandId: batch.commandId,
        agentId: session.agentId,
        n: entry.n,
        stream: entry.stream === 'stdout' || entry.stream === 'stderr' ? entry.stream : 'agent',
        text: clean(entry.text).slice(0, mostText),
        time: entry.time === undefined ? new Date() : timestampDate(entry.time),
      });
    }
  }

  /** Stores what was gathered. One flush at a time: a slow database makes larger ones. */
  flush(): Promise<void> {
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined;
    });
    return this.#flushing;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
    await this.flush();
  }

  async #flush(): Promise<void> {
    const all = [...this.#organizations];
    this.#organizations.clear();
    this.#lines = 0;
    this.#notes = 0;
    await Promise.all(
      all.map(async ([orgId, { progress, lines }]) => {
        try {
          const operations = await this.#database.tenant(orgId, async (tx) => [
            ...(await storeProgress(tx, [...progress.values()])),
            ...(await insertLogs(tx, orgId, lines)),
          ]);
          for (const id of new Set(operations)) if (id !== '') this.#bell.ring(bells.operation(id));
        } catch (error) {
          this.#logger.warn({ err: error, lines: lines.length }, 'reports of agents were lost');
        }
      }),
    );
  }

  #of(orgId: string): Gathered {
    let gathered = this.#organizations.get(orgId);
    if (gathered === undefined) this.#organizations.set(orgId, (gathered = { progress: new Map(), lines: [] }));
    return gathered;
  }
}

/** PostgreSQL's text takes no NUL. */
const clean = (text: string): string => text.replaceAll('\0', '\uFFFD');
