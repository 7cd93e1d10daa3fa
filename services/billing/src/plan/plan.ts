import { RateClass } from '@truffle/api/options/v1/method';

/** How often an organization may call methods of a class. */
export interface Rate {
  readonly rate: RateClass;
  readonly calls: number;
  readonly seconds: number;
}

/** A plan of the catalogue. */
export interface Plan {
  readonly name: string;
  readonly title: string;
  /** By quota; one that is not named is unlimited, 0 is none at all. */
  readonly limits: Readonly<Partial<Record<Quota, number>>>;
  /** How often all its members and keys together may call; a class that is not named is bounded for each credential only. */
  readonly rates: readonly Rate[];
  /** Days that the audit trail is kept; as the installation says where the plan does not. */
  readonly auditRetentionDays?: number;
}

/** Every quota that a method or a service takes from, with what it counts. */
export const quotas = {
  agents: 'enrolled agents',
  api_keys: 'API keys in force',
  clusters: 'clusters',
  members: 'role bindings of people',
  projects: 'projects besides the first',
  servers: 'virtual machines',
  template_versions: 'versions of own templates',
} as const;

export type Quota = keyof typeof quotas;

/** The catalogue: data, by name. */
export const plans: readonly Plan[] = [
  { name: 'self-hosted-unlimited', title: 'Self-hosted, unlimited', limits: {}, rates: [] },
  {
    name: 'trial',
    title: 'Trial',
    limits: { agents: 1, api_keys: 5, clusters: 3, members: 3, projects: 2, servers: 10, template_versions: 20 },
    rates: [
      // Cheap and many: a longer window would let a burst of them through that others feel.
      { rate: RateClass.READ, calls: 120, seconds: 2 },
      { rate: RateClass.WRITE, calls: 100, seconds: 10 },
      { rate: RateClass.EXPENSIVE, calls: 20, seconds: 10 },
      { rate: RateClass.STREAM, calls: 60, seconds: 10 },
    ],
    auditRetentionDays: 30,
  },
];

/** What an organization without a subscription has. */
export const builtInPlan = 'self-hosted-unlimited';

/** @throws UnknownPlanError */
export function planNamed(name: string): Plan {
  const plan = plans.find((p) => p.name === name);
  if (plan === undefined) throw new UnknownPlanError(name);
  return plan;
}

/** A plan's limit for a quota; undefined for unlimited. */
export const limitOf = (plan: Plan, quota: string): number | undefined =>
  quota in quotas ? plan.limits[quota as Quota] : undefined;

/** The catalogue has no such plan. */
export class UnknownPlanError extends Error {
  override readonly name = 'UnknownPlanError';
  readonly code = 'UNKNOWN_PLAN';
  constructor(name: string) {
    super(`there is no plan ${JSON.stringify(name)}; there are ${plans.map((p) => p.name).join(', ')}`);
  }
}
