import { AgentState, type Agent, type SitePolicy as PolicyMessage } from '@truffle/api/agent/v1/agent';
import { CommandService } from '@truffle/api/agent/v1/command_service';
import type { ClusterSpec } from '@truffle/api/orchestration/v1/cluster_service';
import { SourceService } from '@truffle/api/template/v1/source_service';
import type { Database } from '@truffle/database';
import { InvalidProblem, NotFoundProblem, onBehalfOf, type Caller, type Peers } from '@truffle/kit';
import {
  rolloutPlan,
  type GeneratedSecret,
  type Parameters,
  type PlannedDeployment,
  type Problem,
  type Template,
  type TemplateSandbox,
} from '@truffle/template-language';
import type { Tables } from '../cluster/cluster.table.ts';
import { countLeases } from '../server/server.lease.repo.ts';
import type { SitePolicy } from './plan.policy.ts';
import { planServers, type Planned, type Site } from './plan.ts';

export interface PlanDeps {
  readonly database: Database<Tables>;
  readonly peers: Peers;
  readonly sandbox: TemplateSandbox;
}

/** Everything that creating a cluster from a spec comes to. */
export interface Drawn {
  readonly template: Template;
  readonly templateRef: string;
  readonly parameters: Parameters;
  readonly generated: readonly GeneratedSecret[];
  readonly rollout: readonly PlannedDeployment[];
  readonly planned: Planned;
}

/**
 * Works out what `spec` comes to on its site.
 * @throws InvalidProblem for parameters and secrets that the template does not accept; NOT_FOUND for a version or agent that is not the caller's
 */
export async function drawPlan(deps: PlanDeps, caller: Caller, spec: ClusterSpec): Promise<Drawn> {
  const about = onBehalfOf(caller);
  const [source, { agent }] = await Promise.all([
    deps.peers.client('template', SourceService, about).getSource({ templateVersionId: spec.templateVersionId }),
    deps.peers.client('agent-gateway', CommandService, about).getSite({ agentId: spec.agentId }),
  ]);
  if (agent === undefined)
    throw new InvalidProblem([{ field: 'spec.agent_id', description: 'there is no such agent' }]);
  checkSecrets(spec, agent);
  // Stored content was validated when the version was made.
  const template = JSON.parse(new TextDecoder().decode(source.contentJson)) as Template;
  const resolved = await deps.sandbox.resolveParameters(
    template,
    spec.parameters ?? {},
    spec.secrets.map((s) => s.name),
  );
  if (!resolved.ok) throw refused(resolved.problems, 'spec.parameters');
  const expanded = await deps.sandbox.expandServers(template, resolved.params, spec.name);
  if (!expanded.ok) throw refused(expanded.problems, 'spec');
  const site = await siteOf(deps, caller, agent);
  const rollout = rolloutPlan(template, expanded.servers);
  return {
    template,
    templateRef: `${source.version?.templateName ?? ''}@${source.version?.version ?? ''}`,
    parameters: resolved.params,
    generated: resolved.generate,
    rollout,
    planned: planServers(expanded.servers, site, rollout.length > 0),
  };
}

function checkSecrets(spec: ClusterSpec, agent: Agent): void {
  const keyId = agent.sealingKey?.keyId ?? '';
  const wrong = spec.secrets.findIndex((s) => s.keyId !== keyId);
  if (wrong >= 0)
    throw new InvalidProblem([
      {
        field: `spec.secrets[${wrong}].key_id`,
        description: "is not the agent's sealing key; read the agent again and seal anew",
        reason: 'STALE_SEALING_KEY',
      },
    ]);
  const names = spec.secrets.map((s) => s.name);
  const twice = names.findIndex((name, i) => names.indexOf(name) !== i);
  if (twice >= 0) throw new InvalidProblem([{ field: `spec.secrets[${twice}].name`, description: 'is given twice' }]);
}

const refused = (problems: readonly Problem[], under: string): InvalidProblem =>
  new InvalidProblem(
    problems.map((p) => ({
      field:
        p.path === '' ? under : p.path.startsWith('params.') ? `${under}.${p.path.slice('params.'.length)}` : p.path,
      description: p.expected ? `${p.message}: ${p.expected}` : p.message,
      reason: p.code,
    })),
  );

const states: Record<AgentState, Site['state']> = {
  [AgentState.UNSPECIFIED]: 'enrolled',
  [AgentState.ENROLLED]: 'enrolled',
  [AgentState.ONLINE]: 'online',
  [AgentState.OFFLINE]: 'offline',
  [AgentState.QUARANTINED]: 'quarantined',
  [AgentState.REVOKED]: 'revoked',
  [AgentState.PENDING_APPROVAL]: 'waiting for approval',
};

/** The site of an agent as it last reported it. @throws NOT_FOUND for an agent that is not the caller's */
export async function readSite(deps: PlanDeps, caller: Caller, agentId: string): Promise<Site> {
  const { agent } = await deps.peers.client('agent-gateway', CommandService, onBehalfOf(caller)).getSite({ agentId });
  if (agent === undefined) throw new NotFoundProblem('agent', agentId);
  return siteOf(deps, caller, agent);
}

async function siteOf(deps: PlanDeps, caller: Caller, agent: Agent): Promise<Site> {
  const inventory = agent.inventory;
  const vmids = { first: inventory?.vmidFirst ?? 0, last: inventory?.vmidLast ?? -1 };
  const { taken, servers } = await deps.database.tenant(caller.orgId, (tx) => countLeases(tx, agent.id, vmids));
  return {
    agentName: agent.name,
    state: states[agent.state],
    nodes: (inventory?.nodes ?? []).map((n) => ({
      name: n.name,
      online: n.online,
      cpu: n.cpu,
      freeMemoryBytes: Number(n.memoryBytes - n.memoryUsedBytes),
    })),
    images: (inventory?.images ?? []).map((i) => ({ name: i.name, node: i.node, diskBytes: Number(i.diskBytes) })),
    networks: (inventory?.networks ?? []).map((n) => n.name),
    storages: (inventory?.storages ?? []).map((s) => ({ name: s.name, node: s.node, freeBytes: Number(s.freeBytes) })),
    vmids,
    leased: taken,
    servers,
    problems: inventory?.problems ?? [],
    policy: inventory?.policy?.inForce === true ? policyOf(inventory.policy) : undefined,
  };
}

const policyOf = (policy: PolicyMessage): SitePolicy => ({
  problem: policy.problem,
  images: policy.images,
  networks: policy.networks,
  exec: policy.exec,
  windows: policy.windows,
  maxServers: policy.maxServers < 0 ? Number.POSITIVE_INFINITY : policy.maxServers,
  maxCpu: policy.maxCpu || Number.POSITIVE_INFINITY,
  maxMemoryBytes: Number(policy.maxMemoryBytes) || Number.POSITIVE_INFINITY,
  maxDiskBytes: Number(policy.maxDiskBytes) || Number.POSITIVE_INFINITY,
});
