import type { Value, Variables } from './evaluate.ts';
import type { SiteKind } from './sites.ts';
import type { Parameter, Template } from './template.ts';
import { hasExpression } from './text.ts';

const sampleServers = 3;

/** Values of every name that an expression can see, to try it out before anyone deploys. Addresses are of the documentation range (RFC 5737). */
export function sampleVariables(template: Template, kind: SiteKind): Variables {
  const params = Object.fromEntries(Object.entries(template.parameters).map(([name, each]) => [name, sampleOf(each)]));
  if (kind === 'default' || kind === 'role') return { params };
  const roles = Object.keys(template.servers).map((role) => {
    const servers = Array.from({ length: sampleServers }, (_, at) => ({
      name: `sample-${role}-${at}`,
      role,
      index: BigInt(at),
      address: `192.0.2.${at + 1}`,
    }));
    return [role, servers] as const;
  });
  const outputs = Object.fromEntries(Object.keys(template.outputs).map((name) => [name, 'sample']));
  const [, first] = roles[0] ?? [];
  return {
    params,
    servers: Object.fromEntries(roles),
    cluster: { name: 'sample', id: 'clu_sample' },
    outputs,
    server: first?.[0] ?? null,
  };
}

function sampleOf(parameter: Parameter): Value {
  const given = parameter.default ?? parameter.enum?.[0];
  if (given !== undefined && !(typeof given === 'string' && hasExpression(given))) return typed(parameter, given);
  switch (parameter.type) {
    case 'string':
      return 'x'.repeat(Math.max(parameter.minLength ?? 1, 1));
    case 'integer':
      return BigInt(Math.trunc(parameter.minimum ?? Math.min(1, parameter.maximum ?? 1)));
    case 'number':
      return parameter.minimum ?? Math.min(1, parameter.maximum ?? 1);
    case 'boolean':
      return true;
    case 'array':
      return [];
  }
}

/** A parameter's value as expressions see it: whole numbers as CEL's int. */
export function typed(parameter: Pick<Parameter, 'type' | 'items'>, value: unknown): Value {
  if (Array.isArray(value)) return value.map((item) => typed(parameter.items ?? { type: 'string' }, item));
  if (parameter.type === 'integer' && typeof value === 'number') return BigInt(value);
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
}
