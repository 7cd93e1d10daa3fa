import { AgentSchema, AgentState, type IdentityHolder, type Quarantine } from '@truffle/api/agent/v1/agent';
import type { View } from '../output/output.ts';
import { age, bytes, stateName, when } from '../output/text.ts';

export const agentView: View<typeof AgentSchema> = {
  schema: AgentSchema,
  name: (each) => each.name,
  columns: {
    NAME: (each) => each.name,
    STATE: (each) =>
      `${stateName(AgentState, each.state)}${each.quarantine === undefined ? '' : ` (${each.quarantine.reason})`}`,
    SEEN: (each, now) => age(each.lastSeenAt, now),
    VERSION: (each) => each.version,
    COMMANDS: (each) => String(each.openCommands),
    ID: (each) => each.id,
  },
  card: (each, now) => [
    ['name', each.name],
    ['id', each.id],
    ['state', `${stateName(AgentState, each.state)} since ${when(each.stateSince)}`],
    ['seen', each.lastSeenAt === undefined ? 'never' : `${age(each.lastSeenAt, now)} ago`],
    ...(each.quarantine === undefined ? [] : quarantineOf(each.quarantine)),
    ['certificate', each.certificateEndsAt === undefined ? '-' : `until ${when(each.certificateEndsAt)}`],
    ['version', each.version],
    ['open commands', String(each.openCommands)],
    ['sealing key', each.sealingKey?.fingerprint ?? '-'],
    ...inventoryOf(each.inventory),
  ],
};

/** Who says to be the agent, as a person tells them apart. */
export const holderLine = ({ fingerprint, recorded, journalLsn }: IdentityHolder): string =>
  `${fingerprint}  ${recorded ? 'had the last session' : 'came in conflict with it'}, journal record ${journalLsn}`;

function quarantineOf({ reason, message, since, holders, wayOut }: Quarantine): (readonly [string, string])[] {
  return [
    ['quarantine', `${reason} since ${when(since)}: ${message}`],
    ...(holders.length === 0 ? [] : ([['holders', holders.map(holderLine).join('\n')]] as const)),
    ...(wayOut.length === 0 ? [] : ([['way out', wayOut.join('\n')]] as const)),
  ];
}

type Inventory = NonNullable<Parameters<NonNullable<typeof agentView.card>>[0]['inventory']>;

function inventoryOf(site: Inventory | undefined): (readonly [string, string])[] {
  if (site === undefined) return [['site', 'not reported yet']];
  return [
    [
      'hypervisor',
      `${site.driver} ${site.hypervisorVersion}${site.clusterName === '' ? '' : `, cluster ${site.clusterName}`}`,
    ],
    [
      'nodes',
      site.nodes
        .map(
          (n) =>
            `${n.name}: ${n.online ? '' : 'offline, '}${n.cpu} cpu, ${bytes(n.memoryBytes - n.memoryUsedBytes)} of ${bytes(n.memoryBytes)} free`,
        )
        .join('\n'),
    ],
    [
      'storage',
      site.storages
        .map(
          (s) =>
            `${s.name}${s.node === '' ? '' : ` on ${s.node}`}: ${bytes(s.freeBytes)} of ${bytes(s.totalBytes)} free`,
        )
        .join('\n'),
    ],
    ['images', site.images.map((i) => i.name).join(', ')],
    ['networks', site.networks.map((n) => `${n.name} (${n.bridge})`).join(', ')],
    ['VM numbers', `${site.vmidFirst} to ${site.vmidLast}`],
    ...policyOf(site.policy),
    ['problems', site.problems.join('\n') || 'none'],
  ];
}

/** What the site's own policy allows; nothing is shown where it has none. */
function policyOf(policy: Inventory['policy']): (readonly [string, string])[] {
  if (policy === undefined || !policy.inForce) return [];
  if (policy.problem !== '') return [['policy', policy.problem]];
  const bounds = [
    policy.maxServers < 0 ? '' : `${policy.maxServers} servers in all`,
    policy.maxCpu === 0 ? '' : `${policy.maxCpu} cpu`,
    policy.maxMemoryBytes === 0n ? '' : `${bytes(policy.maxMemoryBytes)} memory`,
    policy.maxDiskBytes === 0n ? '' : `${bytes(policy.maxDiskBytes)} disk`,
    policy.deletesPerHour < 0 ? '' : `${policy.deletesPerHour} deletes per hour`,
  ].filter((each) => each !== '');
  return [
    [
      'policy',
      [
        `images ${policy.images.join(', ') || 'none'}; networks ${policy.networks.join(', ') || 'none'}`,
        ...(bounds.length === 0 ? [] : [`at most ${bounds.join(', ')}`]),
        ...(policy.exec ? [] : ['nothing is run on servers']),
        ...(policy.windows === '' ? [] : [`worked on ${policy.windows}`]),
      ].join('\n'),
    ],
  ];
}
