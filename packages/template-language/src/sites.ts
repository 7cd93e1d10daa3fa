import { join } from './document.ts';
import type { Deployment, Health, Output, Parameter, Role, Step, Template, TemplateFile } from './template.ts';
import { hasExpression } from './text.ts';
import { bool, double, dyn, int, list, type RecordType, string, type Type } from './types.ts';

/**
 * Where an expression stands decides what it can see:
 * `default` parameters; `role` parameters; `server` all but secrets; `rendered` (files and environment, made by the agent) all;
 * `output` all servers; `sensitive` (outputs that the agent makes) the same and secrets; `none` nothing: expressions are refused.
 */
export type SiteKind = 'default' | 'role' | 'server' | 'rendered' | 'output' | 'sensitive' | 'none';

/** One text of a template that may hold expressions. */
export interface Site {
  readonly path: string;
  readonly kind: SiteKind;
  readonly text: string;
  /** The type wanted; `dyn` where the text is text. */
  readonly wanted: Type;
}

/** Every text of a template that holds expressions. */
export function sitesOf(template: Template): readonly Site[] {
  const sites = [
    ...entries(template.parameters).flatMap(([name, each]) => parameterSites(join('parameters', name), each)),
    ...entries(template.servers).flatMap(([name, each]) => roleSites(join('servers', name), each)),
    ...entries(template.deployments).flatMap(([name, each]) => deploymentSites(join('deployments', name), each)),
    ...entries(template.outputs).flatMap(([name, each]) => outputSites(join('outputs', name), each)),
  ];
  return sites.filter((site) => hasExpression(site.text));
}

function entries<T>(map: Readonly<Record<string, T>>): readonly [string, T][] {
  return Object.entries(map);
}

function site(kind: SiteKind, path: string, text: unknown, wanted: Type = dyn): readonly Site[] {
  return typeof text === 'string' ? [{ path, kind, text, wanted }] : [];
}

function parameterSites(path: string, parameter: Parameter): readonly Site[] {
  return site('default', join(path, 'default'), parameter.default, typeOfParameter(parameter));
}

function roleSites(path: string, role: Role): readonly Site[] {
  return [
    ...site('role', join(path, 'count'), role.count, int),
    ...site('role', join(path, 'image'), role.image, string),
    ...site('role', join(path, 'cpu'), role.cpu, int),
    ...site('role', join(path, 'memory'), role.memory, string),
    ...site('role', join(path, 'disk'), role.disk, string),
    ...(role.networks ?? []).flatMap((network, at) =>
      site('role', join(join(join(path, 'networks'), at), 'name'), network.name, string),
    ),
  ];
}

function deploymentSites(path: string, deployment: Deployment): readonly Site[] {
  return [
    ...(deployment.files ?? []).flatMap((file, at) => fileSites(join(join(path, 'files'), at), file)),
    ...(deployment.steps ?? []).flatMap((step, at) => stepSites(join(join(path, 'steps'), at), step)),
    ...healthSites(join(path, 'health'), deployment.health ?? {}),
  ];
}

function fileSites(path: string, file: TemplateFile): readonly Site[] {
  return site('rendered', join(path, 'content'), file.content);
}

function stepSites(path: string, step: Step): readonly Site[] {
  return [
    ...site('none', join(path, 'run'), step.run),
    ...site('server', join(path, 'when'), step.when, bool),
    ...entries(step.env ?? {}).flatMap(([name, text]) => site('rendered', join(join(path, 'env'), name), text)),
  ];
}

function healthSites(path: string, health: Health): readonly Site[] {
  return [
    ...site('server', join(path, 'tcp'), health.tcp, int),
    ...site('server', join(join(path, 'http'), 'port'), health.http?.port, int),
    ...site('none', join(path, 'exec'), health.exec),
  ];
}

function outputSites(path: string, output: Output): readonly Site[] {
  if (typeof output === 'string') return site('output', path, output);
  return site(output.sensitive === true ? 'sensitive' : 'output', join(path, 'value'), output.value);
}

const scalarTypes = { string, integer: int, number: double, boolean: bool } as const;

/** The type that a parameter has in expressions. */
function typeOfParameter(parameter: Parameter): Type {
  if (parameter.type !== 'array') return scalarTypes[parameter.type];
  return list(parameter.items === undefined ? dyn : scalarTypes[parameter.items.type]);
}

const record = (name: string, fields: Iterable<readonly [string, Type]>): RecordType => ({
  kind: 'record',
  name,
  fields: new Map(fields),
});
const server = record('server', [
  ['name', string],
  ['role', string],
  ['index', int],
  ['address', string],
]);
const cluster = record('cluster', [
  ['name', string],
  ['id', string],
]);

/** What expressions at a kind of site can see. */
export function scopeOf(template: Template, kind: SiteKind): ReadonlyMap<string, Type> {
  const readsSecrets = kind === 'rendered' || kind === 'sensitive';
  const parameters = entries(template.parameters);
  const params: RecordType = {
    ...record(
      'params',
      parameters
        .filter(([, each]) => readsSecrets || each.secret !== true)
        .map(([name, each]) => [name, typeOfParameter(each)]),
    ),
    secret: new Set(parameters.filter(([, each]) => !readsSecrets && each.secret === true).map(([name]) => name)),
  };
  const scope = new Map<string, Type>();
  if (kind === 'none') return scope;
  scope.set('params', params);
  if (kind === 'default' || kind === 'role') return scope;
  scope.set(
    'servers',
    record(
      'servers',
      Object.keys(template.servers).map((role) => [role, list(server)]),
    ),
  );
  scope.set('cluster', cluster);
  if (kind === 'server' || kind === 'rendered') scope.set('server', server);
  if (kind === 'output' || kind === 'sensitive') {
    const hidden = (output: Output): boolean =>
      kind === 'output' && typeof output !== 'string' && output.sensitive === true;
    const outputs = entries(template.outputs);
    scope.set('outputs', {
      ...record(
        'outputs',
        outputs.filter(([, each]) => !hidden(each)).map(([name]) => [name, string]),
      ),
      secret: new Set(outputs.filter(([, each]) => hidden(each)).map(([name]) => name)),
    });
  }
  return scope;
}
