import { join, type Positions } from './document.ts';
import { nearest } from './nearest.ts';
import { isPattern, longestMatched } from './pattern.ts';
import { type Problem, type ProblemCode, problem } from './problem.ts';
import { parseDuration, parseQuantity } from './quantity.ts';
import { findCycle } from './cycle.ts';
import type { Deployment, Parameter, Role, Template } from './template.ts';
import { hasExpression } from './text.ts';
import { checkValue } from './value.ts';

type Report = (code: ProblemCode, path: string, message: string, expected?: string) => void;

const gibibyte = 2 ** 30;
const mebibyte = 2 ** 20;

/** Words that CEL keeps for itself: a parameter of that name could not be read. */
const keywords = new Set(
  'as break const continue else false for function if import in let loop null package namespace return true var void while'.split(
    ' ',
  ),
);

/** Checks what a schema cannot: that names refer to something, that bounds agree, that defaults conform, that nothing goes in circles. */
export function checkReferences(template: Template, positions: Positions): readonly Problem[] {
  const problems: Problem[] = [];
  const report: Report = (code, path, message, expected) =>
    problems.push(problem(code, path, positions.value(path), message, expected));
  for (const [name, each] of Object.entries(template.parameters)) {
    const path = join('parameters', name);
    if (keywords.has(name))
      report('INVALID_NAME', path, `${name} is a word of the expression language`, 'another name');
    checkParameter(path, each, report);
  }
  for (const [name, each] of Object.entries(template.servers)) checkRole(join('servers', name), each, report);
  for (const [name, each] of Object.entries(template.deployments))
    checkDeployment(join('deployments', name), each, template, report);
  const cycle = findCycle(
    new Map(Object.entries(template.deployments).map(([name, each]) => [name, each.after ?? []])),
  );
  if (cycle !== undefined)
    report(
      'CYCLE',
      join(join('deployments', cycle[0] ?? ''), 'after'),
      `Deployments wait for each other: ${cycle.join(' -> ')}`,
      'an order without circles',
    );
  return problems;
}

const numeric = ['minimum', 'maximum'] as const;
const textual = ['minLength', 'maxLength', 'pattern'] as const;
const listing = ['items', 'minItems', 'maxItems'] as const;

function checkParameter(path: string, parameter: Parameter, report: Report): void {
  const { type, secret, generate } = parameter;
  const misplaced = [
    ...(type === 'integer' || type === 'number' ? [] : numeric),
    ...(type === 'string' ? [] : textual),
    ...(type === 'array' ? [] : listing),
  ].filter((key) => parameter[key] !== undefined);
  for (const key of misplaced)
    report(
      'INVALID_VALUE',
      join(path, key),
      `${key} says nothing about type ${type}`,
      `keys that belong to type ${type}`,
    );
  if (type === 'array' && parameter.items === undefined)
    report('MISSING_KEY', join(path, 'items'), 'An array needs items', 'items such as { type: string }');
  checkBounds(path, parameter, report);
  checkPattern(join(path, 'pattern'), parameter.pattern, report);
  checkPattern(join(join(path, 'items'), 'pattern'), parameter.items?.pattern, report);
  if (secret === true && type !== 'string')
    report('INVALID_VALUE', join(path, 'secret'), 'Only texts can be secret', 'type: string');
  if (secret === true && parameter.default !== undefined)
    report('SECRET_EXPOSED', join(path, 'default'), 'A secret with a default is public', 'generate, or no default');
  if (generate !== undefined && secret !== true)
    report('INVALID_VALUE', join(path, 'generate'), 'Only secrets are generated', 'secret: true');
  parameter.enum?.forEach((choice, at) => {
    const wrong = checkValue({ ...parameter, enum: undefined }, choice);
    if (wrong !== undefined) report('INVALID_VALUE', join(join(path, 'enum'), at), wrong.message, wrong.expected);
  });
  if (parameter.default === undefined || (typeof parameter.default === 'string' && hasExpression(parameter.default)))
    return;
  const wrong = checkValue(parameter, parameter.default);
  if (wrong !== undefined)
    report('INVALID_VALUE', join(path, 'default'), `The default does not conform: ${wrong.message}`, wrong.expected);
}

function checkBounds(path: string, parameter: Parameter, report: Report): void {
  const pairs = [
    ['minimum', 'maximum'],
    ['minLength', 'maxLength'],
    ['minItems', 'maxItems'],
  ] as const;
  for (const [low, high] of pairs) {
    const [least, most] = [parameter[low], parameter[high]];
    if (least !== undefined && most !== undefined && least > most)
      report('INVALID_VALUE', join(path, low), `${low} ${least} is above ${high} ${most}`, `at most ${most}`);
  }
}

function checkPattern(path: string, pattern: string | undefined, report: Report): void {
  if (pattern === undefined) return;
  const said = "This is no regular expression of RE2's syntax (it has no look-around and no back-references)";
  if (!isPattern(pattern)) report('INVALID_VALUE', path, said, 'a pattern such as ^[a-z]+$');
  else if (longestMatched(pattern) < 32)
    report(
      'INVALID_VALUE',
      path,
      'Its repetitions multiply: the pattern costs too much',
      'fewer or smaller repetitions',
    );
}

function checkRole(path: string, role: Role, report: Report): void {
  const amounts = [
    ['memory', 64 * mebibyte],
    ['disk', gibibyte],
  ] as const;
  for (const [key, least] of amounts) {
    if (hasExpression(role[key])) continue;
    const bytes = parseQuantity(role[key]);
    if (bytes === undefined || bytes < least)
      report(
        'INVALID_VALUE',
        join(path, key),
        `${role[key]} is too little or no whole number of bytes`,
        `at least ${least / mebibyte}MiB`,
      );
  }
  const { scale, count } = role;
  if (scale === undefined) return;
  if (scale.min > scale.max)
    report(
      'INVALID_VALUE',
      join(join(path, 'scale'), 'min'),
      `min ${scale.min} is above max ${scale.max}`,
      `at most ${scale.max}`,
    );
  if (typeof count === 'number' && (count < scale.min || count > scale.max)) {
    report(
      'INVALID_VALUE',
      join(path, 'count'),
      `count ${count} is outside scale`,
      `from ${scale.min} to ${scale.max}`,
    );
  }
}

function checkDeployment(path: string, deployment: Deployment, template: Template, report: Report): void {
  const known = (at: string, name: string, names: readonly string[], what: string): void => {
    if (names.includes(name)) return;
    const near = nearest(name, names);
    report(
      'UNKNOWN_REFERENCE',
      at,
      `There is no ${what} ${name}${near === undefined ? '' : `; did you mean ${near}?`}`,
      names.length === 0 ? `no ${what} is declared` : `one of ${names.join(', ')}`,
    );
  };
  deployment.on.forEach((role, at) => known(join(join(path, 'on'), at), role, Object.keys(template.servers), 'role'));
  deployment.rollout?.order?.forEach((role, at) =>
    known(join(join(join(path, 'rollout'), 'order'), at), role, deployment.on, 'role in on'),
  );
  deployment.after?.forEach((name, at) =>
    known(join(join(path, 'after'), at), name, Object.keys(template.deployments), 'deployment'),
  );
  const steps = deployment.steps ?? [];
  const names = steps.map((step) => step.name);
  deployment.files?.forEach((file, at) => {
    if (file.notify !== undefined) known(join(join(join(path, 'files'), at), 'notify'), file.notify, names, 'step');
  });
  unique(
    steps.map((step) => step.name),
    (at) => join(join(join(path, 'steps'), at), 'name'),
    report,
  );
  unique(
    (deployment.files ?? []).map((file) => file.path),
    (at) => join(join(join(path, 'files'), at), 'path'),
    report,
  );
  checkDurations(path, deployment, report);
}

function unique(names: readonly string[], pathOf: (at: number) => string, report: Report): void {
  names.forEach((name, at) => {
    if (names.indexOf(name) !== at) report('DUPLICATE_NAME', pathOf(at), `${name} stands twice`, 'each once');
  });
}

function checkDurations(path: string, deployment: Deployment, report: Report): void {
  const within = (at: string, text: string | undefined, least: number, most: number): void => {
    if (text === undefined) return;
    const duration = parseDuration(text);
    if (duration === undefined || duration < least || duration > most)
      report('INVALID_VALUE', at, `${text} is out of bounds`, `from ${least}ms to ${most / 60_000}m`);
  };
  deployment.steps?.forEach((step, at) =>
    within(join(join(join(path, 'steps'), at), 'timeout'), step.timeout, 1_000, 6 * 3_600_000),
  );
  within(join(join(path, 'health'), 'timeout'), deployment.health?.timeout, 1_000, 3_600_000);
  within(join(join(path, 'health'), 'interval'), deployment.health?.interval, 100, 600_000);
}
