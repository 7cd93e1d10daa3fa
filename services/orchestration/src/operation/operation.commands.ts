import { createHash } from 'node:crypto';
import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs, timestampFromMs } from '@bufbuild/protobuf/wkt';
import { CommandPayloadSchema, type CommandPayload } from '@truffle/api/agent/v1/command';
import type { NewCommandSchema } from '@truffle/api/agent/v1/command_service';
import { deriveId, smbiosUuidOf, type Id } from '@truffle/ids';
import { canonicalJson } from '@truffle/template-language';
import type { ClusterRow } from '../cluster/cluster.repo.ts';
import type { CommandSigner } from '../command-key/command-key.ts';
import { intentPayload, runWithinOf } from '../server/server.command.ts';
import type { ServerIntent } from '../server/server.intent.ts';
import type { ServerRow } from '../server/server.repo.ts';
import type { OperationRow, StepRow } from './operation.repo.ts';

/** A command as it goes to the gateway: its payload in bytes already. */
export type NewCommand = Exclude<MessageInitShape<typeof NewCommandSchema>, { readonly $typeName: string }> & {
  readonly payload: Uint8Array;
};

/** How long a command may wait for its agent, and how long it may run, in milliseconds. */
const startWithin = 24 * 3_600_000;
const runWithin = { ensure: 30 * 60_000, deploy: 60 * 60_000, delete: 15 * 60_000 } as const;

/** The snapshot that a step takes: the agent names it after the command. */
export const snapshotNameOf = (clusterId: string, operationId: string, stepKey: string): string =>
  `tf-${commandIdOf(clusterId, operationId, stepKey)}`;

/** Derived from what it is for: a step begun twice is the same command. */
export const commandIdOf = (clusterId: string, operationId: string, stepKey: string): Id<'cmd'> =>
  deriveId('cmd', clusterId, operationId, stepKey);

/** The name under which a secret was sealed, and which its ciphertext is bound to. */
export const secretScopeOf = (projectId: string, clusterName: string): string => `${projectId}/${clusterName}`;

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
  const message = payloadOf(parts, step, server);
  // Serialized here and nowhere else: what is hashed, signed, stored, sent and journalled are these bytes.
  const payload = toBinary(CommandPayloadSchema, message);
  const terms = {
    orgId: parts.cluster.org_id,
    agentId: parts.cluster.agent_id,
    commandId: commandIdOf(parts.cluster.id, parts.operation.id, step.key),
    resourceKey: `pve:${server.agent_id}/${server.vmid ?? 0}`,
    fence: BigInt(step.fence ?? server.fence),
    op: message.op.case ?? '',
    payloadSha256: createHash('sha256').update(payload).digest(),
    startBy: parts.operation.created_at.getTime() + startWithin,
    runTimeout: step.action === 'change' ? runWithinOf(changeOf(step)) : runWithin[step.action],
    needsPermit: true,
  };
  return {
    id: terms.commandId,
    agentId: terms.agentId,
    resourceKey: terms.resourceKey,
    fence: terms.fence,
    payload,
    startBy: timestampFromMs(terms.startBy),
    runTimeout: durationFromMs(terms.runTimeout),
    needsPermit: terms.needsPermit,
    ...signer.sign(terms),
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
    secrets: cluster.secrets.map((s) => ({
      name: s.name,
      keyId: s.keyId,
      sealed: Buffer.from(s.sealed, 'base64'),
      version: s.version,
      notAfter: BigInt(s.notAfter),
    })),
    generated: cluster.generated.map((g) => ({ name: g.name, length: g.length, charset: g.charset })),
    secretScope: secretScopeOf(cluster.project_id, cluster.name),
  };
}

/** A server as expressions see it. */
export const viewOf = (server: ServerRow) => ({
  name: server.name,
  role: server.role,
  index: server.index,
  address: server.address,
});
