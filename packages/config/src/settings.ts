/** One setting of a process: where it comes from, what it is, and what a person is told about it. */
export interface Setting<T> {
  readonly variable: string;
  readonly help: string;
  readonly secret: boolean;
  readonly fallback: T | undefined;
  readonly parse: (text: string) => T;
}

export type Settings<S extends Record<string, Setting<unknown>>> = {
  readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never;
};

/** A setting is missing or can't be read. `variable` names it; the value is never in the message. */
export class SettingError extends Error {
  override readonly name = 'SettingError';
  readonly variable: string;
  constructor(variable: string, problem: string) {
    super(`${variable} ${problem}`);
    this.variable = variable;
  }
}

type Rest<T> = { readonly fallback?: T };

export const text = (variable: string, help: string, rest: Rest<string> = {}): Setting<string> => ({
  variable,
  help,
  secret: false,
  fallback: rest.fallback,
  parse: (given) => given,
});

/** A secret: also read from the file that `<variable>_FILE` names, and taken out of the environment once read. */
export const secret = (variable: string, help: string, rest: Rest<string> = {}): Setting<string> => ({
  ...text(variable, help, rest),
  secret: true,
});

export const integer = (
  variable: string,
  help: string,
  rest: Rest<number> & { readonly min?: number; readonly max?: number } = {},
): Setting<number> => ({
  variable,
  help,
  secret: false,
  fallback: rest.fallback,
  parse: (given) => {
    const value = Number(given);
    const min = rest.min ?? 0;
    const max = rest.max ?? Number.MAX_SAFE_INTEGER;
    if (!Number.isInteger(value) || value < min || value > max)
      throw new SettingError(variable, `must be a whole number from ${min} to ${max}`);
    return value;
  },
});

export const flag = (variable: string, help: string, rest: Rest<boolean> = {}): Setting<boolean> => ({
  variable,
  help,
  secret: false,
  fallback: rest.fallback,
  parse: (given) => {
    if (/^(1|true|yes|on)$/i.test(given)) return true;
    if (/^(0|false|no|off)$/i.test(given)) return false;
    throw new SettingError(variable, 'must be true or false');
  },
});

/** Comma-separated; empty items are dropped. */
export const list = (
  variable: string,
  help: string,
  rest: Rest<readonly string[]> = {},
): Setting<readonly string[]> => ({
  variable,
  help,
  secret: false,
  fallback: rest.fallback,
  parse: (given) =>
    given
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
});

/**
 * Reads every setting of a process at once; secrets are then deleted from `env` so that no child or dump carries them.
 * @throws SettingError for the first one that is missing or malformed
 */
export function readSettings<S extends Record<string, Setting<unknown>>>(
  declared: S,
  env: Record<string, string | undefined>,
  readFile: (path: string) => string,
): Settings<S> {
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(declared)) values[name] = readOne(setting, env, readFile);
  for (const setting of Object.values(declared)) if (setting.secret) delete env[setting.variable];
  return values as Settings<S>;
}

/** Help for people: one line for each setting. */
export function describeSettings(declared: Record<string, Setting<unknown>>): string {
  return Object.values(declared)
    .map((s) => {
      const fallback = s.secret || s.fallback === undefined ? '' : ` [${JSON.stringify(s.fallback)}]`;
      return `  ${s.variable.padEnd(34)} ${s.help}${fallback}`;
    })
    .join('\n');
}

function readOne(
  setting: Setting<unknown>,
  env: Record<string, string | undefined>,
  readFile: (path: string) => string,
): unknown {
  const given = env[setting.variable];
  if (given !== undefined && given !== '') return setting.parse(given);
  const file = setting.secret ? env[`${setting.variable}_FILE`] : undefined;
  if (file !== undefined && file !== '') return setting.parse(readFile(file).trim());
  if (setting.fallback !== undefined) return setting.fallback;
  throw new SettingError(setting.variable, `is not set (${setting.help})`);
}
