import { createHash } from 'node:crypto';
import { toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs, timestampFromMs } from '@bufbuild/protobuf/wkt';
import { CommandPayloadSchema, type CommandPayload } from '@truffle/api/agent/v1/command';
import type { NewCommandSchema } from '@truffle/api/agent/v1/command_service';
import type { CommandTerms } from '@truffle/sealing';
import type { CommandSigner } from './command-key.ts';

/** A command as it goes to the gateway: its payload in bytes already. */
export type NewCommand = Exclude<MessageInitShape<typeof NewCommandSchema>, { readonly $typeName: string }> & {
  readonly payload: Uint8Array;
};

/** What is asked of an agent, and on which terms. */
export type Asked = Omit<CommandTerms, 'op' | 'payloadSha256'> & { readonly payload: CommandPayload };

/** The command, signed for its agent. Serialized here and nowhere else: what is hashed, signed, stored, sent and journalled are these bytes. */
export function signedCommand(signer: CommandSigner, { payload: message, ...asked }: Asked): NewCommand {
  const payload = toBinary(CommandPayloadSchema, message);
  const payloadSha256 = createHash('sha256').update(payload).digest();
  return {
    id: asked.commandId,
    agentId: asked.agentId,
    resourceKey: asked.resourceKey,
    fence: asked.fence,
    payload,
    startBy: timestampFromMs(asked.startBy),
    runTimeout: durationFromMs(asked.runTimeout),
    needsPermit: asked.needsPermit,
    ...signer.sign({ ...asked, op: message.op.case ?? '', payloadSha256 }),
  };
}
