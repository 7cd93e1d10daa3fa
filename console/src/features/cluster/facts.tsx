import { useQuery } from '@connectrpc/connect-query';
import { AgentService } from '@truffle/api/agent/v1/agent_service';
import type { Cluster } from '@truffle/api/orchestration/v1/cluster';
import { Code, DataList } from '@radix-ui/themes';
import { Link, useParams } from '@tanstack/react-router';
import { texts } from '../../texts/texts.ts';
import { Ago } from '../../ui/time.tsx';

const text = texts.cluster;

/** What the cluster is made of. */
export function ClusterFacts({ cluster }: { readonly cluster: Cluster }) {
  const { org = '' } = useParams({ strict: false });
  const { data } = useQuery(AgentService.method.getAgent, { agentId: cluster.agentId });
  const agent = data?.agent;
  return (
    <DataList.Root size="2">
      <DataList.Item>
        <DataList.Label>{text.template}</DataList.Label>
        <DataList.Value>
          <Code>{cluster.templateRef}</Code>
        </DataList.Value>
      </DataList.Item>
      <DataList.Item>
        <DataList.Label>{text.site}</DataList.Label>
        <DataList.Value>
          <Link to="/o/$org/sites/$agentId" params={{ org, agentId: cluster.agentId }}>
            {agent?.name ?? cluster.agentId}
          </Link>
        </DataList.Value>
      </DataList.Item>
      <DataList.Item>
        <DataList.Label>{text.servers}</DataList.Label>
        <DataList.Value>{text.ready(cluster.readyCount, cluster.serverCount)}</DataList.Value>
      </DataList.Item>
      <DataList.Item>
        <DataList.Label>{text.made}</DataList.Label>
        <DataList.Value>
          <Ago at={cluster.createdAt} />
        </DataList.Value>
      </DataList.Item>
      <DataList.Item>
        <DataList.Label>{text.changed}</DataList.Label>
        <DataList.Value>
          <Ago at={cluster.updatedAt} />
        </DataList.Value>
      </DataList.Item>
    </DataList.Root>
  );
}
