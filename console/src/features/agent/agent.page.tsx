import { useQuery } from '@connectrpc/connect-query';
import type { Agent } from '@truffle/api/agent/v1/agent';
import { AgentService } from '@truffle/api/agent/v1/agent_service';
import { Callout, Code, DataList, Spinner, Tabs, Text } from '@radix-ui/themes';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { lazy, Suspense, type ReactNode } from 'react';
import { texts } from '../../texts/texts.ts';
import { Copy } from '../../ui/copy.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { Ago } from '../../ui/time.tsx';
import { EventList } from '../event/event-list.tsx';
import { AgentActions } from './agent-actions.tsx';
import { AgentBadge } from './agent-state.tsx';
import { Inventory } from './inventory.tsx';
import { Orphans } from './orphans.tsx';
import { Policy } from './policy.tsx';
import { Quarantined } from './quarantined.tsx';

// The chart's library comes with its tab.
const Metrics = lazy(() => import('./metrics.tsx'));

const text = texts.agent;
const from = '/o/$org/sites/$agentId';

const tabs: readonly { readonly key: string; readonly title: string; readonly show: (of: Agent) => ReactNode }[] = [
  { key: 'inventory', title: text.inventory, show: (agent) => <Inventory agent={agent} /> },
  { key: 'preflight', title: text.preflight, show: (agent) => <Preflight agent={agent} /> },
  { key: 'policy', title: text.policy, show: (agent) => <Policy policy={agent.inventory?.policy} /> },
  { key: 'orphans', title: text.orphans.title, show: (agent) => <Orphans agent={agent} /> },
  { key: 'history', title: text.history, show: ({ id, orgId }) => <EventList orgId={orgId} resourceId={id} /> },
  { key: 'metrics', title: text.metrics, show: ({ id }) => <Metrics agentId={id} /> },
];

export default function AgentPage() {
  const { agentId } = useParams({ from });
  const { tab = 'inventory' } = useSearch({ from });
  const navigate = useNavigate({ from });
  const { data, error, refetch } = useQuery(AgentService.method.getAgent, { agentId });
  if (error !== null) return <Notice error={error} retry={() => void refetch()} />;
  const agent = data?.agent;
  if (agent === undefined) return null;
  const problems = agent.inventory?.problems ?? [];
  return (
    <Page title={agent.name} badge={<AgentBadge state={agent.state} />} actions={<AgentActions agent={agent} />}>
      <Quarantined agent={agent} />
      {problems.map((problem) => (
        <Callout.Root highContrast key={problem} color="amber" size="1" role="alert">
          <Callout.Text>{problem}</Callout.Text>
        </Callout.Root>
      ))}
      <Facts agent={agent} />
      <Tabs.Root value={tab} onValueChange={(next) => void navigate({ search: { tab: next }, replace: true })}>
        <Tabs.List wrap="wrap">
          {tabs.map(({ key, title }) => (
            <Tabs.Trigger key={key} value={key}>
              {title}
            </Tabs.Trigger>
          ))}
        </Tabs.List>
        {tabs.map(({ key, show }) => (
          <Tabs.Content key={key} value={key} className="tab">
            <Suspense fallback={<Spinner size="3" />}>{key === tab && show(agent)}</Suspense>
          </Tabs.Content>
        ))}
      </Tabs.Root>
    </Page>
  );
}

function Facts({ agent }: { readonly agent: Agent }) {
  const { inventory } = agent;
  const facts = [
    [text.heard, <Ago key="heard" at={agent.lastSeenAt} />],
    [text.since, <Ago key="since" at={agent.stateSince} />],
    [text.hypervisor, text.runs(inventory?.driver, inventory?.hypervisorVersion)],
    [text.version, agent.version],
    [text.certificate, <Ago key="certificate" at={agent.certificateEndsAt} />],
    [
      text.fingerprint,
      <Code key="fingerprint" className="value">
        {agent.sealingKey?.fingerprint ?? '–'}
      </Code>,
    ],
    [text.commands, agent.openCommands],
    [text.region, agent.region || '–'],
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

/** What the agent found when it last looked over its site. */
function Preflight({ agent: { name, inventory } }: { readonly agent: Agent }) {
  if (inventory === undefined) return <Text color="gray">{text.notLooked}</Text>;
  return (
    <>
      <Text as="p" size="2">
        {text.lookedAt} <Ago at={inventory.takenAt} />.{' '}
        {inventory.problems.length === 0 ? text.inOrder : text.problemCount(inventory.problems.length)}
      </Text>
      {inventory.problems.length > 0 && (
        <ol>
          {inventory.problems.map((problem) => (
            <li key={problem}>
              <Text size="2">{problem}</Text>
            </li>
          ))}
        </ol>
      )}
      <Copy text={`truffle agent preflight ${name}`} />
    </>
  );
}
