import { AgentState, type Agent } from '@truffle/api/agent/v1/agent';
import { ClusterState, type Cluster } from '@truffle/api/orchestration/v1/cluster';
import { Text } from '@radix-ui/themes';
import { texts } from '../../texts/texts.ts';

const text = texts.dashboard;

interface HealthProps {
  readonly agents: readonly Agent[] | undefined;
  readonly clusters: readonly Cluster[] | undefined;
}

const sum = (counts: readonly number[]): number => counts.reduce((all, each) => all + each, 0);

/** How many there are of what, and how many of them are well. */
export function Health({ agents, clusters }: HealthProps) {
  const counts = [
    {
      title: texts.agent.many,
      well: agents?.filter(({ state }) => state === AgentState.ONLINE).length,
      all: agents?.length,
      word: text.online,
    },
    {
      title: texts.cluster.many,
      well: clusters?.filter(({ state }) => state === ClusterState.READY).length,
      all: clusters?.length,
      word: text.ready,
    },
    {
      title: texts.server.many,
      well: clusters && sum(clusters.map(({ readyCount }) => readyCount)),
      all: clusters && sum(clusters.map(({ serverCount }) => serverCount)),
      word: text.ready,
    },
  ];
  return (
    <dl className="health">
      {counts.map(({ title, well, all, word }) => (
        <div key={title} className="panel" data-well={well === all}>
          <Text size="1" color="gray" asChild>
            <dt>{title}</dt>
          </Text>
          <Text size="5" weight="bold" asChild>
            <dd>{well === undefined || all === undefined ? '…' : text.of(well, all)}</dd>
          </Text>
          <Text size="1" color="gray" asChild>
            <dd>{word}</dd>
          </Text>
        </div>
      ))}
    </dl>
  );
}
