import { createHash } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { CommandPayloadSchema, CommandSchema, type Command, type CommandPayload } from '@truffle/api/agent/v1/command';
import type { NewEntry } from '../journal/entry.ts';

/** What a test may choose of a command. */
export interface CommandChoice {
  readonly id: string;
  readonly op?: CommandPayload['op'];
  readonly resourceKey?: string;
  readonly fence?: number;
  readonly needsPermit?: boolean;
  readonly runTimeoutMs?: number;
}

const deleteOp = (serverId: string): CommandPayload['op'] => {
  const payload = create(CommandPayloadSchema, { op: { case: 'deleteServer', value: { serverId, vmid: 100 } } });
  return payload.op;
};

/** A well-formed command: `deleteServer` with a permit unless said otherwise. */
export function testCommand(choice: CommandChoice): Command {
  const payload = toBinary(
    CommandPayloadSchema,
    create(CommandPayloadSchema, { op: choice.op ?? deleteOp(choice.id) }),
  );
  return create(CommandSchema, {
    id: choice.id,
    resourceKey: choice.resourceKey ?? `pve:test/${choice.id}`,
    fence: BigInt(choice.fence ?? 1),
    payload,
    payloadSha256: createHash('sha256').update(payload).digest(),
    needsPermit: choice.needsPermit ?? true,
    ...(choice.runTimeoutMs === undefined ? {} : { runTimeout: durationFromMs(choice.runTimeoutMs) }),
  });
}

/** The same as an entry for the journal. */
export function testEntry(choice: CommandChoice): NewEntry {
  const command = testCommand(choice);
  return {
    id: command.id,
    resourceKey: command.resourceKey,
    fence: Number(command.fence),
    payload: command.payload,
    payloadSha256: command.payloadSha256,
    runTimeoutMs: choice.runTimeoutMs ?? 0,
    needsPermit: command.needsPermit,
    traceparent: '',
  };
}
