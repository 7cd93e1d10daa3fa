import { PowerState, type Server } from '@truffle/api/orchestration/v1/cluster';
import { ServerService } from '@truffle/api/orchestration/v1/cluster_service';
import { Text } from '@radix-ui/themes';
import { Link, useParams } from '@tanstack/react-router';
import { useMemo } from 'react';
import { texts } from '../../texts/texts.ts';
import { bytes } from '../../ui/bytes.ts';
import { List } from '../../ui/list.tsx';
import { usePages } from '../../ui/pages.ts';
import { useSorting } from '../../ui/sorting.ts';
import type { Column } from '../../ui/table.tsx';
import { ServerBadge } from '../cluster/cluster-state.tsx';
import { ServerHealth } from './server-health.tsx';
import { ServerMenu } from './server-menu.tsx';

const text = texts.server;

type Columns = readonly [name: Column<Server>, state: Column<Server>, ...Column<Server>[]];

/** What tables of servers show of each. @param there names of the organization and project */
export const serverColumns = (there: { readonly org: string; readonly project: string }): Columns => [
  {
    title: text.name,
    sort: 'name',
    cell: ({ id, name }) => (
      <Link to="/o/$org/p/$project/servers/$serverId" params={{ ...there, serverId: id }} className="row-link">
        {name}
      </Link>
    ),
  },
  {
    title: text.state,
    sort: 'state',
    cell: ({ state, power, health }) => (
      <>
        <ServerBadge state={state} /> {power === PowerState.STOPPED && text.stopped} <ServerHealth health={health} />
      </>
    ),
  },
  { title: text.address, cell: ({ address }) => address || '–' },
  { title: text.place, sort: 'node', cell: ({ node, vmid }) => (vmid === 0 ? '–' : `${node} · ${vmid}`) },
  {
    title: text.size,
    cell: ({ cpu, memoryBytes, diskBytes }) => text.sizes(cpu, bytes(memoryBytes), bytes(diskBytes)),
  },
  { title: text.actions, cell: (server) => <ServerMenu server={server} /> },
];

/** The servers of a cluster, as they are. */
export function ServerTable({ clusterId }: { readonly clusterId: string }) {
  const { org = '', project = '' } = useParams({ strict: false });
  const sorting = useSorting('name');
  // The same while pages come, so that the rows that are there are not drawn again.
  const columns = useMemo(() => serverColumns({ org, project }), [org, project]);
  const asked = { clusterId, orderBy: sorting.by };
  const pages = usePages(ServerService.method.listServers, asked, ({ servers }) => servers, { size: 500 });
  return (
    <List
      label={text.many}
      pages={pages}
      sorting={sorting}
      empty={<Text color="gray">{text.none}</Text>}
      keyOf={({ id }) => id}
      columns={columns}
    />
  );
}
