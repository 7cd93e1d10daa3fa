import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { create, fromBinary } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  CommandKeySetSchema,
  CommandPayloadSchema,
  type Command,
  type CommandKeySet,
} from '@truffle/api/agent/v1/command';
import { keyId, signCommand, signCommandKeys } from '@truffle/sealing';
import { runTimeoutOf } from '../command/intake.ts';

/** A key as orchestration has it. */
export interface TestKey {
  readonly privateKey: KeyObject;
  readonly publicKey: Uint8Array;
  readonly id: string;
}

export function newTestKey(): TestKey {
  const { privateKey } = generateKeyPairSync('ed25519');
  const publicKey = new Uint8Array(createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).subarray(12));
  return { privateKey, publicKey, id: keyId(publicKey) };
}

/** The set as it is handed out. */
export function testKeySet(keys: readonly TestKey[], version: number): CommandKeySet {
  const { signatures } = signCommandKeys(
    keys.map((key) => key.privateKey),
    version,
  );
  return create(CommandKeySetSchema, {
    version: BigInt(version),
    keys: keys.map(({ id, publicKey }) => ({ keyId: id, publicKey })),
    signatures: [...signatures],
  });
}

/** The command signed for that agent, as orchestration does it. */
export function signed(
  command: Command,
  key: TestKey,
  to: { readonly orgId: string; readonly agentId: string },
  startBy: number,
): Command {
  const terms = {
    ...to,
    commandId: command.id,
    resourceKey: command.resourceKey,
    fence: command.fence,
    op: fromBinary(CommandPayloadSchema, command.payload).op.case ?? '',
    payloadSha256: command.payloadSha256,
    startBy,
    runTimeout: runTimeoutOf(command),
    needsPermit: command.needsPermit,
  };
  return {
    ...command,
    agentId: to.agentId,
    startBy: timestampFromMs(startBy),
    signature: new Uint8Array(signCommand(key.privateKey, terms)),
    keyId: key.id,
  };
}
