import { AgentState, type Agent } from '@truffle/api/agent/v1/agent';
import type { Cluster } from '@truffle/api/orchestration/v1/cluster';
import { OperationState, type Operation } from '@truffle/api/orchestration/v1/operation';
import { Card, Flex, Heading, Text } from '@radix-ui/themes';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { texts } from '../../texts/texts.ts';
import { Copy } from '../../ui/copy.tsx';
import { Ago } from '../../ui/time.tsx';
import { AgentBadge } from '../agent/agent-state.tsx';
import { ClusterBadge } from '../cluster/cluster-state.tsx';
import { OperationBadge } from '../operation/operation-state.tsx';

const shown = 8;

/** Names in the addresses of what the panels lead to. */
export interface There {
  readonly org: string;
  readonly project: string;
}

/** A part of the overview. */
export function Panel({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <Card size="2">
      <Flex direction="column" gap="3">
        <Heading as="h2" size="3">
          {title}
        </Heading>
        {children}
      </Flex>
    </Card>
  );
}

/** What it is, and beside it how it is. */
export function Line({
  link,
  aside,
  badge,
}: {
  readonly link: ReactNode;
  readonly aside: ReactNode;
  readonly badge?: ReactNode;
}) {
  return (
    <Flex justify="between" align="center" gap="2">
      {link}
      <Flex gap="2" align="center">
        <Text size="1" color="gray">
          {aside}
        </Text>
        {badge}
      </Flex>
    </Flex>
  );
}

function OperationLink({ operation, there }: { readonly operation: Operation; readonly there: There }) {
  const { id, kind, clusterName } = operation;
  return (
    <Link to="/o/$org/p/$project/operations/$operationId" params={{ ...there, operationId: id }} className="row-link">
      {texts.operation.kinds[kind] ?? texts.operation.one} {clusterName}
    </Link>
  );
}

export function Sites({ agents, org }: { readonly agents: readonly Agent[] | undefined; readonly org: string }) {
  return (
    <Panel title={texts.agent.many}>
      {agents?.slice(0, shown).map(({ id, name, state, lastSeenAt }) => (
        <Line
          key={id}
          link={
            <Link to="/o/$org/sites/$agentId" params={{ org, agentId: id }} className="row-link">
              {name}
            </Link>
          }
          aside={<Ago at={lastSeenAt} />}
          badge={<AgentBadge state={state} />}
        />
      ))}
      {agents?.length === 0 && <Copy text="truffle agent join-token create my-site" />}
    </Panel>
  );
}

export function Clusters({
  clusters,
  there,
}: {
  readonly clusters: readonly Cluster[] | undefined;
  readonly there: There;
}) {
  return (
    <Panel title={texts.cluster.many}>
      {clusters?.slice(0, shown).map(({ id, name, state, readyCount, serverCount }) => (
        <Line
          key={id}
          link={
            <Link to="/o/$org/p/$project/clusters/$clusterId" params={{ ...there, clusterId: id }} className="row-link">
              {name}
            </Link>
          }
          aside={texts.cluster.ready(readyCount, serverCount)}
          badge={<ClusterBadge state={state} />}
        />
      ))}
      {clusters?.length === 0 && (
        <Text size="2">
          {texts.cluster.none}.{' '}
          <Link to="/o/$org/p/$project/templates" params={there}>
            {texts.cluster.make}
          </Link>
        </Text>
      )}
    </Panel>
  );
}

interface OperationsProps {
  /** Newest first. */
  readonly operations: readonly Operation[] | undefined;
  readonly there: There;
}

interface NeedsPersonProps extends OperationsProps {
  readonly agents: readonly Agent[] | undefined;
}

const waiting = new Set([AgentState.QUARANTINED, AgentState.PENDING_APPROVAL, AgentState.OFFLINE]);

/** Sites that wait for a decision or are not heard, and clusters whose newest operation failed: nobody has seen to them yet. */
export function NeedsPerson({ operations, agents, there }: NeedsPersonProps) {
  const newest = operations?.filter((each, i, all) => all.findIndex((o) => o.clusterId === each.clusterId) === i);
  const failed = newest?.filter(({ state }) => state === OperationState.FAILED);
  const sites = agents?.filter(({ state }) => waiting.has(state));
  return (
    <Panel title={texts.dashboard.needsPerson}>
      {sites?.map(({ id, name, state, quarantine, stateSince }) => (
        <Line
          key={id}
          link={
            <Link to="/o/$org/sites/$agentId" params={{ org: there.org, agentId: id }} className="row-link">
              {name}
            </Link>
          }
          aside={quarantine?.message ?? <Ago at={stateSince} />}
          badge={<AgentBadge state={state} />}
        />
      ))}
      {failed?.map((operation) => (
        <Flex key={operation.id} direction="column">
          <OperationLink operation={operation} there={there} />
          <Text size="1" color="gray">
            {operation.failure?.message} {operation.failure?.remedy}
          </Text>
        </Flex>
      ))}
      {failed?.length === 0 && sites?.length === 0 && (
        <Text size="2" color="gray">
          {texts.dashboard.nothingNeeds}
        </Text>
      )}
    </Panel>
  );
}

export function Lately({ operations, there }: OperationsProps) {
  return (
    <Panel title={texts.dashboard.lately}>
      {operations?.slice(0, shown).map((operation) => (
        <Line
          key={operation.id}
          link={<OperationLink operation={operation} there={there} />}
          aside={<Ago at={operation.createdAt} />}
          badge={<OperationBadge state={operation.state} />}
        />
      ))}
      {operations?.length === 0 && (
        <Text size="2" color="gray">
          {texts.operation.none}.
        </Text>
      )}
    </Panel>
  );
}
