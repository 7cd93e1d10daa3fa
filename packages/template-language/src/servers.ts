import { interpolate } from './interpolate.ts';
import { type Parameters, parameterVariables } from './parameters.ts';
import { ExpressionError } from './expression.ts';
import { limits } from './limits.ts';
import { catchRefusal, nowhere, type Problem, type ProblemCode, problem, Refusal } from './problem.ts';
import { parseQuantity } from './quantity.ts';
import type { Role, Template } from './template.ts';
import type { Variables } from './evaluate.ts';

/** One VM that a template asks for. */
export interface ServerSpec {
  readonly role: string;
  /** Within its role, from 0. */
  readonly index: number;
  /** `<cluster>-<role>-<index>`: a DNS label, unique in the cluster. */
  readonly name: string;
  readonly image: string;
  readonly cpu: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly networks: readonly string[];
  readonly antiAffinity: boolean;
}

export type ExpandedServers =
  | { readonly ok: true; readonly servers: readonly ServerSpec[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Says which servers a cluster consists of, sorted by role and index.
 * @param params of `resolveParameters`
 * @param clusterName a DNS label
 * @param counts servers of a role when scaled away from what the template says
 */
export function expandServers(
  template: Template,
  params: Parameters,
  clusterName: string,
  counts: Readonly<Record<string, number>> = {},
): ExpandedServers {
  return catchRefusal((): ExpandedServers => {
    if (!/^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$/.test(clusterName)) {
      throw refusal(
        'INVALID_NAME',
        'name',
        `The cluster's name ${JSON.stringify(clusterName.slice(0, 60))} is not accepted`,
        'a DNS label of at most 40 lower-case letters, digits and dashes',
      );
    }
    const variables: Variables = { params: parameterVariables(template, params) };
    const roles = Object.keys(template.servers).toSorted();
    const servers = roles.flatMap((name) => {
      const role = template.servers[name];
      return role === undefined
        ? []
        : expandRole(name, role, clusterName, variables, Object.hasOwn(counts, name) ? counts[name] : undefined);
    });
    if (servers.length > limits.serversPerCluster) {
      throw refusal(
        'INVALID_VALUE',
        'servers',
        `The cluster would have ${servers.length} servers`,
        `at most ${limits.serversPerCluster}`,
      );
    }
    return { ok: true, servers };
  });
}

function refusal(code: ProblemCode, path: string, message: string, expected?: string): Refusal {
  return new Refusal([problem(code, path, nowhere, message, expected)]);
}

function expandRole(
  name: string,
  role: Role,
  cluster: string,
  variables: Variables,
  scaled: number | undefined,
): readonly ServerSpec[] {
  const path = `servers.${name}`;
  const evaluated = (key: string, value: string | number): unknown => {
    if (typeof value === 'number') return value;
    try {
      const result = interpolate(value, variables);
      return typeof result === 'bigint' ? Number(result) : result;
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      throw refusal(error.code, `${path}.${key}`, error.message, error.expected);
    }
  };
  const whole = (key: string, value: string | number, least: number, most: number): number => {
    const result = evaluated(key, value);
    if (typeof result === 'number' && Number.isInteger(result) && result >= least && result <= most) return result;
    throw refusal(
      'INVALID_VALUE',
      `${path}.${key}`,
      `${String(result)} is not accepted here`,
      `a whole number from ${least} to ${most}`,
    );
  };
  const quantity = (key: string, value: string, least: number): number => {
    const result = evaluated(key, value);
    const bytes = typeof result === 'string' ? parseQuantity(result) : undefined;
    if (bytes !== undefined && bytes >= least) return bytes;
    throw refusal(
      'INVALID_VALUE',
      `${path}.${key}`,
      `${String(result)} is not accepted here`,
      'an amount such as 4GiB',
    );
  };
  const word = (key: string, value: string, shape: RegExp, expected: string): string => {
    const result = evaluated(key, value);
    if (typeof result === 'string' && shape.test(result)) return result;
    throw refusal(
      'INVALID_VALUE',
      `${path}.${key}`,
      `${JSON.stringify(String(result).slice(0, 60))} is not accepted here`,
      expected,
    );
  };
  const least = role.scale?.min ?? 0;
  const most = role.scale?.max ?? limits.serversPerRole;
  const spec = {
    image: word(
      'image',
      role.image,
      /^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?$/,
      'the name of an image such as debian-12',
    ),
    cpu: whole('cpu', role.cpu, 1, 256),
    memoryBytes: quantity('memory', role.memory, 64 * 2 ** 20),
    diskBytes: quantity('disk', role.disk, 2 ** 30),
    networks: (role.networks ?? []).map((each, at) =>
      word(
        `networks[${at}].name`,
        each.name,
        /^[a-zA-Z0-9]([a-zA-Z0-9._-]{0,62}[a-zA-Z0-9])?$/,
        'the name of a network such as lan',
      ),
    ),
    antiAffinity: role.antiAffinity ?? false,
  };
  const count = whole('count', scaled ?? role.count, least, most);
  return Array.from({ length: count }, (_, index) => ({
    role: name,
    index,
    name: `${cluster}-${name}-${index}`,
    ...spec,
  }));
}
