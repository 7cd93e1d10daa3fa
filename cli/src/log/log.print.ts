import { LogLineSchema } from '@truffle/api/orchestration/v1/operation';
import type { Handler } from '../command.ts';
import { InterruptedError } from '../failure/cli-error.ts';
import { findLatestOperation } from '../lookup/find.ts';
import { colorsFor } from '../output/colors.ts';
import { followLog, lineText, readLog } from './log.follow.ts';

export const printLog: Handler<{ readonly follow?: boolean; readonly after?: string }> = async (
  cli,
  [name = ''],
  { follow = false, after = '' },
) => {
  const session = await cli.session();
  const operationId = await findLatestOperation(session, name);
  const colors = colorsFor(cli.env, process.stdout.isTTY);
  let last = after;
  try {
    for await (const line of follow
      ? followLog(cli, session, operationId, after)
      : readLog(session, operationId, after)) {
      last = line.cursor;
      await cli.out.item({ schema: LogLineSchema, name: (each) => each.cursor }, line, lineText(line, colors));
    }
  } catch (error) {
    if (cli.signal.aborted && cli.signal.reason instanceof InterruptedError)
      throw new InterruptedError('stopped reading; the operation goes on', [
        `truffle logs ${operationId} --follow${last === '' ? '' : ` --after ${last}`}`,
      ]);
    throw error;
  }
};
