import { PowerState } from '@truffle/api/orchestration/v1/cluster';
import { ServerService } from '@truffle/api/orchestration/v1/cluster_service';
import { Text } from '@radix-ui/themes';
import { Link, useParams } from '@tanstack/react-router';
import { texts } from '../../texts/texts.ts';
import { bytes } from '../../ui/bytes.ts';
import { List } from '../../ui/list.tsx';
import { usePages } from '../../ui/pages.ts';
import { ServerBadge } from '../cluster/cluster-state.tsx';
import { ServerHealth } from './server-health.tsx';
import { ServerMenu } from './server-menu.tsx';

const text = texts.server;

/** The servers of a cluster, as they are. */
export function ServerTable({ clusterId }: { readonly clusterId: string }) {
  const { org = '', project = '' } = useParams({ strict: false });
  const pages = usePages(ServerService.method.listServers, { clusterId }, ({ servers }) => servers, { size: 500 });
  return (
    <List
      label={text.many}
      pages={pages}
      empty={<Text color="gray">{text.none}</Text>}
      keyOf={({ id }) => id}
      columns={[
        {
          title: text.name,
          sorted: 'ascending',
          cell: ({ id, name }) => (
            <Link
              to="/o/$org/p/$project/servers/$serverId"
              params={{ org, project, serverId: id }}
              className="row-link"
            >
              {name}
            </Link>
          ),
        },
        {
          title: text.state,
          cell: ({ state, power, health }) => (
            <>
              <ServerBadge state={state} /> {power === PowerState.STOPPED && text.stopped}{' '}
              <ServerHealth health={health} />
            </>
          ),
        },
        { title: text.address, cell: ({ address }) => address || '–' },
        { title: text.place, cell: ({ node, vmid }) => (vmid === 0 ? '–' : `${node} · ${vmid}`) },
        {
          title: text.size,
          cell: ({ cpu, memoryBytes, diskBytes }) => text.sizes(cpu, bytes(memoryBytes), bytes(diskBytes)),
        },
        { title: text.actions, cell: (server) => <ServerMenu server={server} /> },
      ]}
    />
  );
}
