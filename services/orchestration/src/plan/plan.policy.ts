import { formatQuantity, type ServerSpec } from '@truffle/template-language';

/** What planning needs to know of a site's own policy, as its agent last reported it. The agent decides; this only tells earlier. */
export interface SitePolicy {
  /** Stands in the way of all work; empty for none. */
  readonly problem: string;
  readonly images: readonly string[];
  readonly networks: readonly string[];
  /** Whether anything may be run on servers. */
  readonly exec: boolean;
  /** When the site is worked on, in words; empty for at any time. */
  readonly windows: string;
  /** In all; Infinity for no bound, as below. */
  readonly maxServers: number;
  readonly maxCpu: number;
  readonly maxMemoryBytes: number;
  readonly maxDiskBytes: number;
}

/** What the policy does not allow. `rule` is the key of the site's policy file. */
export interface Violation {
  readonly rule: string;
  readonly wanted: string;
  readonly allowed: string;
}

/** Everything about the servers that the site would refuse. Pure. @param leased how many servers there are already */
export function violations(
  policy: SitePolicy,
  servers: readonly ServerSpec[],
  leased: number,
  deploys: boolean,
): Violation[] {
  if (policy.problem !== '') return [{ rule: 'policy', wanted: 'to work', allowed: `nothing: ${policy.problem}` }];
  const largest = (of: (server: ServerSpec) => number): number => Math.max(0, ...servers.map(of));
  const over = (rule: string, wanted: number, most: number, say: (size: number) => string = String): Violation[] =>
    wanted <= most ? [] : [{ rule: `limits.${rule}`, wanted: say(wanted), allowed: `at most ${say(most)}` }];
  const foreign = (rule: string, wanted: readonly string[], allowed: readonly string[]): Violation[] =>
    [...new Set(wanted)]
      .filter((each) => !allowed.includes(each))
      .map((each) => ({ rule, wanted: each, allowed: allowed.join(', ') || 'none' }));
  return [
    ...foreign(
      'images',
      servers.map((s) => s.image),
      policy.images,
    ),
    ...foreign(
      'networks',
      servers.flatMap((s) => s.networks),
      policy.networks,
    ),
    ...over('servers', leased + servers.length, policy.maxServers),
    ...over(
      'cpu',
      largest((s) => s.cpu),
      policy.maxCpu,
    ),
    ...over(
      'memory',
      largest((s) => s.memoryBytes),
      policy.maxMemoryBytes,
      formatQuantity,
    ),
    ...over(
      'disk',
      largest((s) => s.diskBytes),
      policy.maxDiskBytes,
      formatQuantity,
    ),
    ...(deploys && !policy.exec ? [{ rule: 'exec', wanted: 'on', allowed: 'off' }] : []),
  ];
}
