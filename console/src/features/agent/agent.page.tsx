import { useQuery } from '@connectrpc/connect-query';
import type { Agent } from '@truffle/api/agent/v1/agent';
import { AgentService } from '@truffle/api/agent/v1/agent_service';
import { Callout, Code, DataList, Heading, Progress, Text } from '@radix-ui/themes';
import { useParams } from '@tanstack/react-router';
import { texts } from '../../texts/texts.ts';
import { bytes } from '../../ui/bytes.ts';
import { Notice } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { ListTable } from '../../ui/table.tsx';
import { Ago } from '../../ui/time.tsx';
import { AgentBadge } from './agent-state.tsx';

const text = texts.agent;

export default function AgentPage() {
  const { agentId } = useParams({ from: '/o/$org/sites/$agentId' });
  const { data, error, refetch } = useQuery(AgentService.method.getAgent, { agentId });
  if (error !== null) return <Notice error={error} retry={() => void refetch()} />;
  const agent = data?.agent;
  if (agent === undefined) return null;
  return (
    <Page title={agent.name} badge={<AgentBadge state={agent.state} />}>
      {agent.quarantine !== undefined && (
        <Callout.Root color="red" role="alert">
          <Callout.Text>{agent.quarantine.message}</Callout.Text>
        </Callout.Root>
      )}
      {agent.inventory?.problems.map((problem) => (
        <Callout.Root key={problem} color="amber" size="1">
          <Callout.Text>{problem}</Callout.Text>
        </Callout.Root>
      ))}
      <Facts agent={agent} />
      <Heading as="h2" size="4">
        {text.nodes}
      </Heading>
      <ListTable
        label={text.nodes}
        rows={agent.inventory?.nodes ?? []}
        keyOf={({ name }) => name}
        columns={[
          { title: text.name, cell: ({ name }) => name },
          { title: text.state, cell: ({ online }) => (online ? text.up : text.down) },
          { title: text.cpu, cell: ({ cpu }) => cpu },
          {
            title: text.memory,
            cell: ({ memoryBytes, memoryUsedBytes }) => (
              <>
                <Text size="1">{text.used(bytes(memoryUsedBytes), bytes(memoryBytes))}</Text>
                <Progress
                  aria-label={text.memory}
                  value={memoryBytes === 0n ? 0 : (Number(memoryUsedBytes) / Number(memoryBytes)) * 100}
                />
              </>
            ),
          },
        ]}
      />
      <Heading as="h2" size="4">
        {text.storages}
      </Heading>
      <ListTable
        label={text.storages}
        rows={agent.inventory?.storages ?? []}
        keyOf={({ name, node }) => `${node}/${name}`}
        columns={[
          { title: text.name, cell: ({ name }) => name },
          { title: text.nodes, cell: ({ node }) => node },
          { title: text.free, cell: ({ freeBytes, totalBytes }) => text.used(bytes(freeBytes), bytes(totalBytes)) },
        ]}
      />
    </Page>
  );
}

function Facts({ agent }: { readonly agent: Agent }) {
  const { inventory } = agent;
  const facts = [
    [text.heard, <Ago key="heard" at={agent.lastSeenAt} />],
    [text.hypervisor, text.runs(inventory?.driver, inventory?.hypervisorVersion)],
    [text.version, agent.version],
    [text.certificate, <Ago key="certificate" at={agent.certificateEndsAt} />],
    [text.fingerprint, <Code key="fingerprint">{agent.sealingKey?.fingerprint ?? '–'}</Code>],
    [text.images, inventory?.images.map(({ name }) => name).join(', ') || '–'],
    [text.networks, inventory?.networks.map(({ name }) => name).join(', ') || '–'],
    [text.vmids, inventory === undefined ? '–' : `${inventory.vmidFirst} – ${inventory.vmidLast}`],
    [text.policy, inventory?.policy?.inForce === true ? text.policyInForce : text.policyNone],
  ] as const;
  return (
    <DataList.Root size="2">
      {facts.map(([label, value]) => (
        <DataList.Item key={label}>
          <DataList.Label>{label}</DataList.Label>
          <DataList.Value>{value}</DataList.Value>
        </DataList.Item>
      ))}
    </DataList.Root>
  );
}
