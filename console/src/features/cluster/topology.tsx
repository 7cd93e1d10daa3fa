import { Text } from '@radix-ui/themes';
import { Link, useParams } from '@tanstack/react-router';
import { HealthState, PowerState, type Cluster, type Server } from '@truffle/api/orchestration/v1/cluster';
import { ServerService } from '@truffle/api/orchestration/v1/cluster_service';
import { useMemo } from 'react';
import { texts } from '../../texts/texts.ts';
import { Notice } from '../../ui/notice.tsx';
import { usePages } from '../../ui/pages.ts';
import { Picture, type PictureBox } from '../../ui/picture.tsx';
import { serverColors } from './cluster-state.tsx';
import { useBlueprint } from './use-blueprint.ts';

/** A server's word and colour in a picture: what is amiss comes before where it stands. */
function toneOf({ state, health, power }: Server) {
  if (health === HealthState.UNHEALTHY) return { color: 'red', state: texts.server.healths[health] ?? '' } as const;
  if (power === PowerState.STOPPED) return { color: 'gray', state: texts.server.stopped } as const;
  return { color: serverColors[state] ?? 'gray', state: texts.server.states[state] ?? '' } as const;
}

/** The cluster drawn: its roles with their servers, and who is told of whom. */
export default function Topology({ cluster }: { readonly cluster: Cluster }) {
  const { org = '', project = '' } = useParams({ strict: false });
  const { rows, error } = usePages(
    ServerService.method.listServers,
    { clusterId: cluster.id },
    ({ servers }) => servers,
    { size: 500 },
  );
  const { blueprint } = useBlueprint(cluster);
  const boxes = useMemo(() => {
    const roles = [...Map.groupBy(rows ?? [], ({ role }) => role)];
    return roles.map(([role, servers]): PictureBox => ({
      id: role,
      title: role,
      items: servers.map((server) => ({
        id: server.id,
        title: (
          <Link to="/o/$org/p/$project/servers/$serverId" params={{ org, project, serverId: server.id }}>
            {server.name}
          </Link>
        ),
        detail: [server.address, server.node].filter((each) => each !== '').join(' · ') || '–',
        ...toneOf(server),
      })),
    }));
  }, [rows, org, project]);
  const links = useMemo(
    () =>
      (blueprint?.links ?? [])
        .filter(({ from, to }) => [from, to].every((role) => boxes.some(({ id }) => id === role)))
        .map(({ from, to, deployment }) => ({ from, to, label: deployment })),
    [blueprint, boxes],
  );
  if (error !== null) return <Notice error={error} />;
  if (rows?.length === 0) return <Text color="gray">{texts.server.none}</Text>;
  return <Picture label={texts.cluster.topologyOf(cluster.name)} boxes={boxes} links={links} />;
}
