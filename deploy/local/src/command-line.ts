import { parseArgs } from 'node:util';

/** A command line that can't be understood; the message says why. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code = 'USAGE';
}

export const usage = `Truffle on this machine.

  npm start                    start everything, stay until Ctrl-C
    -- --json                  print one line of JSON on stdout when ready (with npm start --silent)
    -- --detach                return when ready; npm stop ends it
    -- --split                 one process for each service
    -- --guests qemu           real guests on the demo site, run by QEMU (or fast, debian-lite: lighter ones)
    -- --no-demo               without the simulated site and its agent
    -- --engines-only          only PostgreSQL, NATS and Temporal
    -- --reset                 forget all state first
  npm stop                     end what npm start -- --detach started
  npm run rotate-keys          seal everything in the database under a new key, while it runs
    -- --resume                go on with one that was ended
  npm test                     run every check and test
  npm run simulator            the Proxmox simulator alone

Environment:
  TRUFFLE_STATE_DIR            state of this checkout [.truffle]
  TRUFFLE_CACHE_DIR            engines' programs, shared by checkouts [~/.cache/truffle]
  TRUFFLE_DATABASE_URL, TRUFFLE_NATS_URL, TRUFFLE_TEMPORAL_ADDRESS
                               use these instead of starting one
  TRUFFLE_RELEASES_URL         mirror of the engines' release archives [https://github.com]
`;

const flag = { type: 'boolean', default: false } as const;

/** As the simulator's own flag has them. */
const guestKinds = ['scripted', 'qemu', 'fast', 'debian-lite', 'debian'];

export interface StartFlags {
  readonly json: boolean;
  readonly detach: boolean;
  readonly split: boolean;
  readonly reset: boolean;
  readonly demo: boolean;
  /** What carries the demo site's guests, as the simulator's flag says it. */
  readonly guests: string;
  readonly enginesOnly: boolean;
  readonly help: boolean;
}

/** @throws UsageError */
export function startFlags(args: readonly string[]): StartFlags {
  const options = {
    json: flag,
    detach: flag,
    split: flag,
    reset: flag,
    'no-demo': flag,
    'engines-only': flag,
    guests: { type: 'string', default: 'scripted' },
    help: { ...flag, short: 'h' },
  } as const;
  const values = understood(() => parseArgs({ args: [...args], options }).values);
  if (!guestKinds.includes(values.guests))
    throw new UsageError(`--guests wants one of ${guestKinds.join(', ')}, not '${values.guests}'`);
  return { ...values, demo: !values['no-demo'], enginesOnly: values['engines-only'] };
}

/** @throws UsageError */
export function rotateFlags(args: readonly string[]): { readonly resume: boolean } {
  return understood(() => parseArgs({ args: [...args], options: { resume: flag } }).values);
}

/** @throws UsageError */
export function enginesFlags(args: readonly string[]): { readonly json: boolean; readonly stateDir: string } {
  const options = { json: flag, 'state-dir': { type: 'string' } } as const;
  const values = understood(() => parseArgs({ args: [...args], options }).values);
  if (values['state-dir'] === undefined) throw new UsageError('engines needs --state-dir FOLDER');
  return { json: values.json, stateDir: values['state-dir'] };
}

function understood<T>(parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
