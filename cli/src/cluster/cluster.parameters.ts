import type { ParameterValue, Problem, Template } from '@truffle/template-language';
import { UsageError } from '../failure/cli-error.ts';

/** Options that carry parameters. */
export interface ParameterFlags {
  readonly set?: readonly string[];
  readonly setFile?: readonly string[];
  readonly secretFile?: readonly string[];
}

/** Values by what may be done with them. */
export interface GivenParameters {
  readonly plain: Readonly<Record<string, ParameterValue>>;
  /** In clear: to be sealed, and never to be shown or sent. */
  readonly secret: Readonly<Record<string, string>>;
  /** Secrets that were given on the command line, where others can read them. */
  readonly exposed: readonly string[];
}

/** The part of the template language that is needed; loaded when it is. */
export type Language = Pick<typeof import('@truffle/template-language'), 'parseSetFlag' | 'resolveParameters'>;

/**
 * Reads the options against the template, coercing texts to declared types.
 * @param read the text of a file, for an option
 * @throws UsageError with every problem
 */
export function readParameters(
  language: Language,
  template: Template,
  flags: ParameterFlags,
  read: (path: string, option: string) => string,
): GivenParameters {
  const plain: Record<string, ParameterValue> = {};
  const secret: Record<string, string> = {};
  const exposed: string[] = [];
  const problems: Problem[] = [];
  const take = (setting: string, from: 'line' | 'file' | 'secret file'): void => {
    const parsed = language.parseSetFlag(template, setting);
    if (!parsed.ok) return void problems.push(...parsed.problems);
    if (Object.hasOwn(plain, parsed.name) || Object.hasOwn(secret, parsed.name))
      throw new UsageError(`${parsed.name} is given twice`);
    if (!parsed.secret && from === 'secret file')
      throw new UsageError(`${parsed.name} is not secret`, { next: [`give it by --set or --set-file`] });
    if (!parsed.secret) return void (plain[parsed.name] = parsed.value);
    secret[parsed.name] = String(parsed.value);
    if (from === 'line') exposed.push(parsed.name);
  };
  for (const each of flags.set ?? []) take(each, 'line');
  for (const each of flags.setFile ?? []) take(fromFile(each, '--set-file', read), 'file');
  for (const each of flags.secretFile ?? []) take(fromFile(each, '--secret-file', read), 'secret file');
  if (problems.length > 0) throw refusal(problems, template);
  return { plain, secret, exposed };
}

/** `key=path` with the file's text in place of the path; one line end at its end is left out. */
function fromFile(setting: string, option: string, read: (path: string, option: string) => string): string {
  const equals = setting.indexOf('=');
  if (equals < 1) throw new UsageError(`${option} ${JSON.stringify(setting)} is no key=path`);
  return `${setting.slice(0, equals)}=${read(setting.slice(equals + 1), option).replace(/\r?\n$/, '')}`;
}

/** Names of secrets that somebody has to give: neither given nor made by the site. */
export function missingSecrets(template: Template, given: GivenParameters): string[] {
  return Object.entries(template.parameters).flatMap(([name, each]) =>
    each.secret === true && each.generate === undefined && !Object.hasOwn(given.secret, name) ? [name] : [],
  );
}

/** @throws UsageError with every problem that the values have with the template */
export function checkParameters(language: Language, template: Template, given: GivenParameters): void {
  const resolved = language.resolveParameters(template, given.plain, Object.keys(given.secret));
  if (!resolved.ok) throw refusal(resolved.problems, template);
}

const refusal = (problems: readonly Problem[], template: Template): UsageError =>
  new UsageError(`the parameters do not fit the template ${template.metadata.name}`, {
    details: problems.map(
      (each) =>
        `${each.path.replace(/^params\./, '')}: ${each.message}${each.expected === undefined ? '' : ` (expected ${each.expected})`}`,
    ),
    next: [`truffle template get ${template.metadata.name}`],
  });
