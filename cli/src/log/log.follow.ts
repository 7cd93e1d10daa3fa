import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { LogLine } from '@truffle/api/orchestration/v1/operation';
import { resumed } from '../connection/resume.ts';
import type { Invocation } from '../invocation.ts';
import type { Colors } from '../output/colors.ts';
import { printable } from '../output/printable.ts';
import { clock } from '../output/text.ts';
import type { Session } from '../session.ts';

const pageLines = 1000;

/** Lines after a cursor, until the operation has ended; a dropped connection is taken up again after the last line. */
export async function* followLog(
  cli: Pick<Invocation, 'signal' | 'random' | 'sleep'>,
  session: Session,
  operationId: string,
  after: string,
): AsyncGenerator<LogLine> {
  let cursor = after;
  // A stream that ends by itself has said everything.
  for await (const { lines } of resumed(
    (signal) => session.api.operations.watchOperationLogs({ operationId, after: cursor }, { signal }),
    () => true,
    cli,
  ))
    for (const line of lines) {
      cursor = line.cursor;
      yield line;
    }
}

/** Lines after a cursor that are there now. */
export async function* readLog(session: Session, operationId: string, after: string): AsyncGenerator<LogLine> {
  for (let cursor = after; ;) {
    const { lines, next } = await session.api.operations.listOperationLogs({
      operationId,
      after: cursor,
      limit: pageLines,
    });
    yield* lines;
    if (lines.length === 0 || next === '' || next === cursor) return;
    cursor = next;
  }
}

/** A line as people read it, safe for a terminal. */
export function lineText(line: LogLine, colors: Colors): string {
  const time = line.time === undefined ? '--:--:--' : clock(timestampMs(line.time));
  const text = printable(line.text);
  const colored = line.stream === 'stderr' ? colors.yellow(text) : line.stream === 'agent' ? colors.dim(text) : text;
  return `${time} ${printable(line.serverName) || 'cluster'} | ${colored}`;
}
