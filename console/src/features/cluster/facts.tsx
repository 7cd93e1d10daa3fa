import type { Cluster } from '@truffle/api/orchestration/v1/cluster';
import { Code, DataList } from '@radix-ui/themes';
import { texts } from '../../texts/texts.ts';
import { Copy } from '../../ui/copy.tsx';
import { Ago } from '../../ui/time.tsx';

const text = texts.cluster;

/** What the cluster is made of, and what it gives. */
export function ClusterFacts({ cluster }: { readonly cluster: Cluster }) {
  return (
    <DataList.Root size="2">
      <DataList.Item>
        <DataList.Label>{text.template}</DataList.Label>
        <DataList.Value>
          <Code>{cluster.templateRef}</Code>
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
      {Object.entries(cluster.outputs).map(([name, value]) => (
        <DataList.Item key={name} align="center">
          <DataList.Label>{name}</DataList.Label>
          <DataList.Value>
            <Copy text={value} />
          </DataList.Value>
        </DataList.Item>
      ))}
    </DataList.Root>
  );
}
