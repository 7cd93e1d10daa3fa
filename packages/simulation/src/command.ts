import { createHash } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import { CommandPayloadSchema } from '@truffle/api/agent/v1/command';
import type { CommandLoad, LockedCommand } from '../../../services/agent-gateway/src/command/command.repo.ts';
import type { Chance } from './chance.ts';

/** The `n`th command: for one of a few resources of an agent, with deadlines drawn from `now` on. */
export function newCommand(
  chance: Chance,
  agentId: string,
  n: number,
  now: number,
): { readonly load: CommandLoad; readonly life: Omit<LockedCommand, 'resourceBusy'> } {
  const resource = chance.below(3);
  const ping = chance.hits(0.15);
  const id = `cmd_${n}`;
  const op = ping
    ? ({ case: 'ping', value: { nonce: id } } as const)
    : ({ case: 'deleteServer', value: { serverId: id, vmid: 100 } } as const);
  const payload = Buffer.from(toBinary(CommandPayloadSchema, create(CommandPayloadSchema, { op })));
  const sha256 = createHash('sha256').update(payload).digest();
  const resourceKey = `pve:${agentId}/${resource}`;
  const runTimeoutMs = chance.between(8_000, 60_000);
  const startBy = now + chance.between(20_000, 900_000);
  const needsPermit = !ping;
  const both = { id, agentId, resourceKey, needsPermit, runTimeoutMs };
  return {
    load: {
      ...both,
      op: op.case,
      fence: BigInt(n + 1),
      payload,
      payloadSha256: sha256,
      traceparent: '',
      startBy: new Date(startBy),
      signature: Buffer.alloc(0),
      keyId: '',
    },
    life: { ...newLife, ...both, payloadSha256: sha256.toString('hex'), startBy },
  };
}

const newLife: Omit<
  LockedCommand,
  'resourceBusy' | 'id' | 'agentId' | 'resourceKey' | 'needsPermit' | 'payloadSha256' | 'startBy' | 'runTimeoutMs'
> = {
  operationId: '',
  workflowId: '',
  state: 'QUEUED',
  permitNo: 0,
  cancelRequested: false,
  incarnation: null,
  startedAt: null,
  endedAt: null,
  runUntil: null,
  effect: 'UNSPECIFIED',
  failure: null,
  output: null,
  resultSha256: null,
  lateResult: null,
};
