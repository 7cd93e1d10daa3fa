import { parse } from 'yaml';

/** A deployment as its template declares it. */
export interface DeclaredDeployment {
  readonly name: string;
  /** Roles of the servers that it runs on. */
  readonly on: readonly string[];
  readonly strategy: string;
  readonly steps: readonly string[];
  /** What is asked of a server's health, e.g. `http`. */
  readonly health: readonly string[];
}

/** Servers of `from` are told of servers of `to`: by which deployment. */
export interface RoleLink {
  readonly from: string;
  readonly to: string;
  readonly deployment: string;
}

/** What a template says that a cluster is made of. */
export interface Blueprint {
  readonly roles: readonly string[];
  readonly deployments: readonly DeclaredDeployment[];
  readonly links: readonly RoleLink[];
}

type Mapping = Readonly<Record<string, unknown>>;
const mapping = (value: unknown): Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Mapping) : {};
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const texts = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);
/** A role within an expression: `servers.web…` or `servers["web"]…`. */
const reference = /\bservers(?:\.([a-z][a-z0-9_-]*)|\[['"]([a-z][a-z0-9-]*)['"]\])/g;

/** Reads a template's source, which the server has checked. */
export function blueprintOf(source: string): Blueprint {
  const document = mapping(parse(source));
  const roles = Object.keys(mapping(document['servers']));
  const declared = Object.entries(mapping(document['deployments'])).map(([name, value]) => ({
    name,
    value: mapping(value),
  }));
  return {
    roles,
    deployments: declared.map(({ name, value }) => ({
      name,
      on: texts(value['on']),
      strategy: text(mapping(value['rollout'])['strategy']) || 'rolling',
      steps: Array.isArray(value['steps']) ? value['steps'].map((step) => text(mapping(step)['name'])) : [],
      health: Object.keys(mapping(value['health'])).filter((key) => ['http', 'tcp', 'command'].includes(key)),
    })),
    links: declared.flatMap(({ name, value }) => linksOf(name, value, roles)),
  };
}

function linksOf(deployment: string, value: Mapping, roles: readonly string[]): RoleLink[] {
  const named = [...JSON.stringify(value).replaceAll('\\"', '"').matchAll(reference)].map(([, a, b]) => a ?? b ?? '');
  const told = new Set(named.filter((role) => roles.includes(role)));
  return texts(value['on']).flatMap((from) =>
    [...told].filter((to) => to !== from).map((to) => ({ from, to, deployment })),
  );
}
