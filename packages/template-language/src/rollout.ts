import { sortByDependency } from './cycle.ts';
import type { Deployment, Template } from './template.ts';

/** Servers that are changed at the same time, by name. */
export type Batch = readonly string[];

export interface PlannedDeployment {
  readonly name: string;
  /** First to last; a batch starts when the one before is healthy. */
  readonly batches: readonly Batch[];
}

/** What the plan needs to know of a server. */
export interface PlannedServer {
  readonly name: string;
  readonly role: string;
  readonly index: number;
}

/**
 * Orders a template's deployments (each after those it names in `after`, then by name) and cuts their servers into batches:
 * `rolling` goes role by role in batches of `batch` (1 unless told), `all` takes each role of `order` at once, or all servers when there is no order.
 */
export function rolloutPlan(template: Template, servers: readonly PlannedServer[]): readonly PlannedDeployment[] {
  const edges = new Map(Object.entries(template.deployments).map(([name, each]) => [name, each.after ?? []]));
  return sortByDependency(edges).flatMap((name) => {
    const deployment = template.deployments[name];
    return deployment === undefined ? [] : [{ name, batches: batchesOf(deployment, servers) }];
  });
}

function batchesOf(deployment: Deployment, servers: readonly PlannedServer[]): readonly Batch[] {
  const { strategy, batch, order } = deployment.rollout ?? { strategy: 'rolling' };
  // Roles that the order leaves out come last.
  const roles = [...new Set([...(order ?? []), ...deployment.on])];
  const groups = roles.map((role) =>
    servers
      .filter((each) => each.role === role)
      .toSorted((a, b) => a.index - b.index)
      .map((each) => each.name),
  );
  if (strategy === 'all') return (order === undefined ? [groups.flat()] : groups).filter((group) => group.length > 0);
  return groups.flatMap((group) => chunks(group, batch ?? 1));
}

function chunks<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, at) => items.slice(at * size, (at + 1) * size));
}
