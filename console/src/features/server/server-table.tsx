import { useQuery } from '@connectrpc/connect-query';
import { PowerState } from '@truffle/api/orchestration/v1/cluster';
import { ServerService } from '@truffle/api/orchestration/v1/cluster_service';
import { Text } from '@radix-ui/themes';
import { texts } from '../../texts/texts.ts';
import { bytes } from '../../ui/bytes.ts';
import { Notice } from '../../ui/notice.tsx';
import { ListTable } from '../../ui/table.tsx';
import { ServerBadge } from '../cluster/cluster-state.tsx';
import { ServerMenu } from './server-menu.tsx';

const text = texts.server;

/** The servers of a cluster, as they are. */
export function ServerTable({ clusterId }: { readonly clusterId: string }) {
  const { data, error, refetch } = useQuery(ServerService.method.listServers, { clusterId, page: { size: 200 } });
  if (error !== null) return <Notice error={error} retry={() => void refetch()} />;
  return (
    <ListTable
      label={text.many}
      rows={data?.servers}
      keyOf={({ id }) => id}
      columns={[
        { title: text.name, cell: ({ name }) => <Text weight="medium">{name}</Text> },
        {
          title: text.state,
          cell: ({ state, power }) => (
            <>
              <ServerBadge state={state} /> {power === PowerState.STOPPED && text.stopped}
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
