import { create } from '@bufbuild/protobuf';
import { CommandPayloadSchema, type CommandPayload } from '@truffle/api/agent/v1/command';
import { deriveId, smbiosUuidOf, type Id } from '@truffle/ids';
import { canonicalJson } from '@truffle/template-language';
import type { ClusterRow } from '../cluster/cluster.repo.ts';
import { secretsOf } from '../cluster/cluster.secrets.ts';
import type { CommandSigner } from '../command-key/command-key.ts';
import { signedCommand, type NewCommand } from '../command-key/signed-command.ts';
import { intentPayload, runWithinOf } from '../server/server.command.ts';
import type { ServerIntent } from '../server/server.intent.ts';
import type { ServerRow } from '../server/server.repo.ts';
import type { OperationRow, StepRow } from './operation.repo.ts';

/** How long a command may wait for its agent, and how long it may run, in milliseconds. */
const startWithin = 24 * 3_600_000;
const runWithin = { ensure: 30 * 60_000, deploy: 60 * 60_000, delete: 15 * 60_000 } as const;

/** The snapshot that a step takes: the agent names it after the command. */
export const snapshotNameOf = (clusterId: string, operationId: string, stepKey: string): string =>
  `tf-${commandIdOf(clusterId, operationId, stepKey)}`;

/** Derived from what it is for: a step begun twice is the same command. */
export const commandIdOf = (clusterId: string, operationId: string, stepKey: string): Id<'cmd'> =>
  deriveId('cmd', clusterId, operationId, stepKey);

export interface CommandParts {
  readonly cluster: ClusterRow;
  readonly servers: readonly ServerRow[];
  readonly operation: OperationRow;
}

/** The command that does `step`, signed for its agent; the same bytes each time it is asked for. */
export function commandOf(signer: CommandSigner, parts: CommandParts, step: StepRow, traceparent: string): NewCommand {
  const server = parts.servers.find((s) => s.id === step.server_id);
  if (server === undefined || step.action === 'reserve' || step.action === 'finish')
    throw new TypeError(`the step ${step.key} is no command`);
  const signed = signedCommand(signer, {
    orgId: parts.cluster.org_id,
    agentId: parts.cluster.agent_id,
    commandId: commandIdOf(parts.cluster.id, parts.operation.id, step.key),
    resourceKey: `pve:${server.agent_id}/${server.vmid ?? 0}`,
    fence: BigInt(step.fence ?? server.fence),
    startBy: parts.operation.created_at.getTime() + startWithin,
    runTimeout: step.action === 'change' ? runWithinOf(changeOf(step)) : runWithin[step.action],
    needsPermit: true,
    payload: payloadOf(parts, step, server),
  });
  return {
    ...signed,
    operationId: parts.operation.id,
    workflowId: parts.cluster.id,
    serverId: server.id,
    stepKey: step.key,
    traceparent,
  };
}

function payloadOf(parts: CommandParts, step: StepRow, server: ServerRow): CommandPayload {
  const ids = { serverId: server.id, clusterId: server.cluster_id, orgId: server.org_id };
  const vm = { vmid: server.vmid ?? 0, smbiosUuid: smbiosUuidOf(server.id as Id<'srv'>) };
  switch (step.action) {
    case 'ensure':
      return create(CommandPayloadSchema, {
        op: {
          case: 'ensureServer',
          value: {
            ...ids,
            ...vm,
            name: server.name,
            node: server.node,
            image: server.image,
            cpu: server.cpu,
            memoryBytes: BigInt(server.memory_bytes),
            diskBytes: BigInt(server.disk_bytes),
            networks: server.networks,
            avoidNodes: step.intent?.kind === 'ENSURE_SERVER' ? [...step.intent.avoidNodes] : [],
          },
        },
      });
    case 'change':
      return intentPayload(changeOf(step), { ...ids, ...vm });
    case 'delete':
      return create(CommandPayloadSchema, { op: { case: 'deleteServer', value: { ...ids, ...vm } } });
    case 'deploy':
      return create(CommandPayloadSchema, {
        op: { case: 'runDeployment', value: { ...ids, ...deploymentOf(parts, step, server) } },
      });
    default:
      throw new TypeError(`the step ${step.key} is no command`);
  }
}

/** @throws TypeError for a step that changes no server */
export function changeOf({ key, intent }: Pick<StepRow, 'key' | 'intent'>): ServerIntent {
  if (intent === null || intent.kind === 'ENSURE_SERVER') throw new TypeError(`the step ${key} changes no server`);
  return intent;
}

function deploymentOf({ cluster, servers }: CommandParts, step: StepRow, server: ServerRow) {
  const encode = (value: unknown) => new TextEncoder().encode(canonicalJson(value));
  return {
    address: server.address,
    deployment: step.deployment ?? '',
    revision: 1,
    templateJson: encode(cluster.template),
    paramsJson: encode(cluster.parameters),
    contextJson: encode({
      cluster: { name: cluster.name, id: cluster.id },
      server: viewOf(server),
      servers: servers.map(viewOf),
    }),
    ...secretsOf(cluster),
  };
}

/** A server as expressions see it. */
export const viewOf = (server: ServerRow) => ({
  name: server.name,
  role: server.role,
  index: server.index,
  address: server.address,
});
