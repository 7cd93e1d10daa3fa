import { setTimeout as delay } from 'node:timers/promises';
import { create } from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';
import { AgentState } from '@truffle/api/agent/v1/agent';
import { CommandPayloadSchema } from '@truffle/api/agent/v1/command';
import { CommandService, CommandState, type CommandStatus } from '@truffle/api/agent/v1/command_service';
import type { SealedOutput } from '@truffle/api/agent/v1/output';
import type { RevealOutputsRequest } from '@truffle/api/orchestration/v1/cluster_service';
import { appendEvent, type Database, type Transaction } from '@truffle/database';
import { newId } from '@truffle/ids';
import {
  authorOf,
  bells,
  NotFoundProblem,
  onBehalfOf,
  PreconditionProblem,
  Problem,
  type Bell,
  type Caller,
  type Peers,
} from '@truffle/kit';
import { recipientText } from '@truffle/sealing';
import { canonicalJson, type Template } from '@truffle/template-language';
import type { CommandSigner } from '../command-key/command-key.ts';
import { signedCommand, type NewCommand } from '../command-key/signed-command.ts';
import { viewOf } from '../operation/operation.commands.ts';
import { serversOf, type ServerRow } from '../server/server.repo.ts';
import { findCluster, type ClusterRow } from './cluster.repo.ts';
import { secretsOf } from './cluster.secrets.ts';
import type { Tables } from './cluster.table.ts';

export interface RevealDeps {
  readonly database: Database<Tables>;
  readonly peers: Peers;
  readonly bell: Bell;
  readonly signer: CommandSigner;
}

/** How long a person waits for the site, in milliseconds: to begin and to run in all. */
const patienceMs = 20_000;
const pollMs = 500;

/** States that a command is on its way in. */
const open: ReadonlySet<CommandState> = new Set([
  CommandState.QUEUED,
  CommandState.DISPATCHED,
  CommandState.ACCEPTED,
  CommandState.RUNNING,
]);

/**
 * Has the agent seal the sensitive outputs of a cluster to a key, and waits for them. Nothing here can open them, and whether that key may have
 * them is the site's to say.
 * @throws NotFoundProblem, PreconditionProblem (the site's refusal with its own reason among them), AgentOfflineProblem, RevealTimeoutProblem
 */
export async function revealOutputs(
  deps: RevealDeps,
  caller: Caller,
  request: RevealOutputsRequest,
): Promise<readonly SealedOutput[]> {
  const asked = await deps.database.tenant(caller.orgId, (tx) => ask(tx, caller, request));
  if (asked === undefined) return [];
  const gateway = deps.peers.client('agent-gateway', CommandService, onBehalfOf(caller));
  const { cluster } = asked;
  const { agent } = await gateway.getSite({ agentId: cluster.agent_id });
  if (agent?.state !== AgentState.ONLINE) throw new AgentOfflineProblem(cluster.agent_id, agent?.state);
  const command = commandFor(deps.signer, asked, request);
  const { promise: heard, resolve } = Promise.withResolvers<void>();
  const deaf = deps.bell.listen(bells.command(command.id ?? ''), () => resolve());
  try {
    await gateway.enqueueCommands({ commands: [{ ...command, traceparent: caller.traceparent }] });
    const status = await waitFor(heard, async () => {
      const { commands } = await gateway.getCommands({ commandIds: [command.id ?? ''] });
      return commands.find((each) => !open.has(each.state));
    });
    return outputsOf(status, cluster.agent_id);
  } finally {
    deaf();
  }
}

interface Asked {
  readonly cluster: ClusterRow;
  readonly servers: readonly ServerRow[];
}

/** Reads what there is to reveal and writes down who asked, before anything is sent; undefined when there is nothing. */
async function ask(tx: Transaction<Tables>, caller: Caller, request: RevealOutputsRequest): Promise<Asked | undefined> {
  const cluster = await findCluster(tx, request.clusterId);
  if (cluster === undefined) throw new NotFoundProblem('cluster', request.clusterId);
  const { name, state } = cluster;
  if (state === 'DELETED' || state === 'DELETING')
    throw new PreconditionProblem('CLUSTER_DELETED', `the cluster ${name} is ${state.toLowerCase()}`);
  const names = sensitiveOf(cluster.template);
  if (names.length === 0) return undefined;
  if (names.some((each) => !Object.hasOwn(cluster.outputs, each)))
    throw new PreconditionProblem('OUTPUTS_NOT_READY', `the cluster ${name} has no outputs before it is ready`);
  await appendEvent(tx, authorOf(caller), {
    orgId: cluster.org_id,
    projectId: cluster.project_id,
    name: 'cluster.reveal_requested',
    resourceId: cluster.id,
    data: { outputs: names, recipient: recipientText(request.recipientPublicKey) },
  });
  return { cluster, servers: await serversOf(tx, cluster.id) };
}

const sensitiveOf = (template: Template): string[] =>
  Object.entries(template.outputs).flatMap(([name, output]) =>
    typeof output !== 'string' && output.sensitive === true ? [name] : [],
  );

function commandFor(signer: CommandSigner, { cluster, servers }: Asked, request: RevealOutputsRequest): NewCommand {
  const encode = (value: unknown) => new TextEncoder().encode(canonicalJson(value));
  return signedCommand(signer, {
    orgId: cluster.org_id,
    agentId: cluster.agent_id,
    commandId: newId('cmd'),
    // Without a fence of its own: it touches nothing.
    resourceKey: `outputs:${cluster.agent_id}`,
    fence: 0n,
    startBy: Date.now() + patienceMs,
    runTimeout: patienceMs,
    needsPermit: false,
    payload: create(CommandPayloadSchema, {
      op: {
        case: 'revealOutputs',
        value: {
          clusterId: cluster.id,
          orgId: cluster.org_id,
          recipientPublicKey: request.recipientPublicKey,
          nonce: request.nonce,
          templateJson: encode(cluster.template),
          paramsJson: encode(cluster.parameters),
          contextJson: encode({ cluster: { name: cluster.name, id: cluster.id }, servers: servers.map(viewOf) }),
          ...secretsOf(cluster),
        },
      },
    }),
  });
}

/** What `read` answers first, or undefined when that took too long. The doorbell is quick, the poll is sure. */
async function waitFor<T>(heard: Promise<void>, read: () => Promise<T | undefined>): Promise<T | undefined> {
  const until = performance.now() + patienceMs;
  let quick: Promise<unknown> = heard;
  while (performance.now() < until) {
    const gone = new AbortController();
    await Promise.race([quick, delay(pollMs, undefined, { signal: gone.signal }).catch(() => undefined)]);
    gone.abort();
    const found = await read();
    if (found !== undefined) return found;
    quick = new Promise(() => undefined);
  }
  return undefined;
}

function outputsOf(status: CommandStatus | undefined, agentId: string): readonly SealedOutput[] {
  if (status === undefined || status.state === CommandState.EXPIRED) throw new RevealTimeoutProblem(agentId);
  if (status.output?.output.case === 'revealed') return status.output.output.value.outputs;
  const { reason = '', message = '', remedy = '', parameters = {} } = status.failure ?? {};
  throw new PreconditionProblem(
    reason === '' ? 'REVEAL_FAILED' : reason,
    message === ''
      ? `the site did not reveal the outputs: ${CommandState[status.state]}`
      : `${message} ${remedy}`.trim(),
    parameters,
  );
}

/** The site can't be asked: its agent is not there. */
class AgentOfflineProblem extends Problem {
  override readonly name = 'AgentOfflineProblem';
  constructor(agentId: string, state: AgentState = AgentState.UNSPECIFIED) {
    const is = AgentState[state].toLowerCase();
    super(Code.Unavailable, 'AGENT_OFFLINE', `agent ${agentId} is ${is}, and only its site knows the secrets`, {
      parameters: { agentId, state: AgentState[state] },
    });
  }
}

/** The agent is connected but did not answer in time. */
class RevealTimeoutProblem extends Problem {
  override readonly name = 'RevealTimeoutProblem';
  constructor(agentId: string) {
    super(Code.DeadlineExceeded, 'REVEAL_TIMEOUT', `agent ${agentId} did not answer within ${patienceMs / 1000} s`, {
      parameters: { agentId },
    });
  }
}
