import { enginesFlags, rotateFlags, startFlags, usage, UsageError } from './command-line.ts';
import { rotateKeys } from './rotate-keys.ts';
import { runEngines } from './run-engines.ts';
import { start, startInBackground } from './start.ts';
import { stop } from './stop.ts';
import { test } from './test.ts';

const say = (line: string): void => void process.stderr.write(`${line}\n`);

async function main(command: string | undefined, args: readonly string[]): Promise<number> {
  if (command === undefined || args.includes('--help') || args.includes('-h')) {
    process.stdout.write(usage);
    return 0;
  }
  switch (command) {
    case 'start':
      return start(startFlags(args), args);
    case 'background':
      return startInBackground(startFlags(args));
    case 'stop':
      return stop(say);
    case 'rotate-keys':
      return rotateKeys(rotateFlags(args).resume);
    case 'test':
      return test(args);
    case 'engines': {
      const { stateDir, json } = enginesFlags(args);
      return runEngines(stateDir, json);
    }
    default:
      throw new UsageError(`there is no command ${command}`);
  }
}

try {
  const [command, ...args] = process.argv.slice(2);
  // What is still being waited for after an interrupt must not hold the process.
  process.exit(await main(command, args));
} catch (error) {
  const known = error instanceof Error && 'code' in error;
  say(`truffle: ${known ? error.message : error instanceof Error ? error.stack : String(error)}`);
  if (error instanceof UsageError) say('  npm start -- --help lists what there is');
  process.exit(error instanceof UsageError ? 2 : 1);
}
