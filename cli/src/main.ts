import { CommanderError } from 'commander';
import { defaultEndpoint } from './context/context.ts';
import { exitCodes, InterruptedError } from './failure/cli-error.ts';
import { colorsFor } from './output/colors.ts';
import { printable } from './output/printable.ts';
import { invocationOf } from './invoke.ts';
import type { Runner } from './command.ts';
import { buildProgram } from './program.ts';

/** Two signals this close are one Ctrl-C that came by two ways (terminal and launcher). Milliseconds. */
const sameInterrupt = 300;
const interrupted = new AbortController();
let firstAt: number | undefined;
let endpoint = defaultEndpoint;

function interrupt(): void {
  firstAt ??= Date.now();
  if (!interrupted.signal.aborted) interrupted.abort(new InterruptedError());
  else if (Date.now() - firstAt > sameInterrupt) process.exit(exitCodes.interrupted);
}

const run: Runner = async (load, args, options) => {
  const cli = invocationOf(options, interrupted.signal);
  const noteEndpoint = (): string => (endpoint = cli.context().endpoint.value);
  const handler = await load();
  await handler(
    {
      ...cli,
      session: () => (noteEndpoint(), cli.session()),
      sessionWith: (token) => (noteEndpoint(), cli.sessionWith(token)),
    },
    args,
    options as never,
  );
};

async function report(error: unknown): Promise<number> {
  const { explain } = await import('./failure/explain.ts');
  const { exitCode, message, details, next, requestId } = explain(error, endpoint);
  const colors = colorsFor(process.env, process.stderr.isTTY);
  const lines = [
    `${colors.red('error:')} ${printable(message)}`,
    ...details.map((each) => `  ${printable(each)}`),
    ...(requestId === undefined ? [] : [colors.dim(`  request ${printable(requestId)}`)]),
    ...next.map((each, i) => `${i === 0 ? 'next: ' : '      '}${printable(each)}`),
  ];
  process.stderr.write(`${lines.join('\n')}\n`);
  if (process.env['TRUFFLE_DEBUG'] && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
  return exitCode;
}

async function main(): Promise<number> {
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  // Whoever read our output has gone (`| head`).
  process.stdout.on('error', (error: NodeJS.ErrnoException) =>
    process.exit(error.code === 'EPIPE' ? exitCodes.ok : exitCodes.failure),
  );
  try {
    await buildProgram(run).parseAsync(process.argv);
    return exitCodes.ok;
  } catch (error) {
    // Commander has said what is wrong.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    return report(
      interrupted.signal.aborted && error === interrupted.signal.reason ? interrupted.signal.reason : error,
    );
  }
}

process.exitCode = await main();
