import { create } from '@bufbuild/protobuf';
import { InventorySchema, SitePolicySchema, type Inventory } from '@truffle/api/agent/v1/agent';
import { formatQuantity } from '@truffle/template-language/quantity';
import type { PolicyState } from './policy.file.ts';
import type { Ground, Policy } from './policy.ts';
import { describeWindows } from './window.ts';

/** What the policy allows, a line for each of its rules. */
export function describePolicy(policy: Policy): readonly string[] {
  const { vmids, limits, windows } = policy;
  const size = (bytes: number | undefined): string => (bytes === undefined ? 'unlimited' : formatQuantity(bytes));
  const rows: readonly (readonly [string, string])[] = [
    ['pools', anyOf(policy.pools)],
    ['vmids', vmids === undefined ? 'any' : `${vmids.first}-${vmids.last}`],
    ['storages', anyOf(policy.storages)],
    ['networks', anyOf(policy.networks)],
    ['bridges', anyOf(policy.bridges)],
    ['images', anyOf(policy.images)],
    ['sshTargets', anyOf(policy.sshTargets)],
    ['exec', policy.exec ? 'on' : 'off'],
    ['servers', String(limits.servers ?? 'unlimited')],
    ['cpu', String(limits.cpu ?? 'unlimited')],
    ['memory', size(limits.memoryBytes)],
    ['disk', size(limits.diskBytes)],
    ['deletes/hour', String(limits.deletesPerHour ?? 'unlimited')],
    ['recipients', policy.recipients.join(', ') || 'none'],
    ['windows', windows === undefined ? 'at any time' : describeWindows(windows)],
    ['update', policy.update],
    ...(windows === undefined ? [] : [['outside', windows.outside.join(', ') || 'nothing'] as const]),
  ];
  return rows.map(([name, value]) => `${name.padEnd(13)}${value}`);
}

const anyOf = (names: readonly string[] | undefined): string =>
  names === undefined ? 'any that the site config names' : names.join(', ');

/** The inventory with what the policy leaves of it, so that plans which the site would refuse are refused early. */
export function underPolicy(inventory: Inventory, state: PolicyState, ground: Ground): Inventory {
  if (state.kind === 'broken')
    return create(InventorySchema, {
      ...inventory,
      problems: [`The site takes no work: its policy can't be used: ${state.problem}`, ...inventory.problems],
      policy: create(SitePolicySchema, { inForce: true, problem: state.problem }),
    });
  const { policy } = state;
  const { vmids, limits } = policy;
  const problem = misconfigured(policy, ground);
  const allows = (names: readonly string[] | undefined, name: string): boolean => names?.includes(name) ?? true;
  return create(InventorySchema, {
    ...inventory,
    vmidFirst: Math.max(inventory.vmidFirst, vmids?.first ?? 0),
    vmidLast: Math.min(inventory.vmidLast, vmids?.last ?? inventory.vmidLast),
    problems: [...(problem === '' ? [] : [problem]), ...inventory.problems],
    policy: create(SitePolicySchema, {
      inForce: state.kind === 'in force',
      problem,
      images: inventory.images.map((each) => each.name).filter((name) => allows(policy.images, name)),
      networks: inventory.networks
        .filter(({ name, bridge }) => allows(policy.networks, name) && allows(policy.bridges, bridge))
        .map((each) => each.name),
      exec: policy.exec,
      maxServers: limits.servers ?? -1,
      maxCpu: limits.cpu ?? 0,
      maxMemoryBytes: BigInt(limits.memoryBytes ?? 0),
      maxDiskBytes: BigInt(limits.diskBytes ?? 0),
      deletesPerHour: limits.deletesPerHour ?? -1,
      windows: policy.windows === undefined ? '' : describeWindows(policy.windows),
    }),
  });
}

/** The policy forbids what the site config says of every server. */
function misconfigured({ pools, storages }: Policy, ground: Ground): string {
  const bad =
    pools?.includes(ground.pool ?? '') === false
      ? `pool ${ground.pool ?? '(none)'}`
      : storages?.includes(ground.storage) === false
        ? `storage ${ground.storage}`
        : undefined;
  return bad === undefined ? '' : `The site's policy does not allow the ${bad} that its config names.`;
}
