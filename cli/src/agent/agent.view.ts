import { AgentSchema, AgentState } from '@truffle/api/agent/v1/agent';
import type { View } from '../output/output.ts';
import { age, bytes, stateName, when } from '../output/text.ts';

export const agentView: View<typeof AgentSchema> = {
  schema: AgentSchema,
  name: (each) => each.name,
  columns: {
    NAME: (each) => each.name,
    STATE: (each) => stateName(AgentState, each.state),
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
    ['version', each.version],
    ['open commands', String(each.openCommands)],
    ['sealing key', each.sealingKey?.fingerprint ?? '-'],
    ...inventoryOf(each.inventory),
  ],
};

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
    ['problems', site.problems.join('\n') || 'none'],
  ];
}
