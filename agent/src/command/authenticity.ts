import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { Command, CommandPayload } from '@truffle/api/agent/v1/command';
import { isCommandSigned } from '@truffle/sealing';
import type { FailureFacts } from './failure.ts';
import { runTimeoutOf, type Asked } from './intake.ts';

/** Who the agent is and whose word it takes. */
export interface Addressee {
  readonly orgId: string;
  readonly agentId: string;
  /** The public key of that id that commands may be signed with; undefined when there is none. */
  readonly key: (keyId: string) => Uint8Array | undefined;
  /** Milliseconds since 1970. */
  readonly wall: () => number;
}

/**
 * How long after its `start_by` a signed command is still taken, in milliseconds. Whether it may begin is the gateway's to judge, by its
 * clock; this only bounds how old a command can be that somebody kept and sends again, and leaves room for a clock that is wrong.
 */
export const staleAfterMs = 24 * 3_600_000;

/**
 * Why the command is not orchestration's word to this agent; undefined when it is, or when it needs nobody's word: it is not signed and its
 * kind is harmless.
 */
export function unauthentic({ command, payload, harmless }: Asked, me: Addressee): FailureFacts | undefined {
  if (!isFor(command, payload, me))
    return {
      reason: 'NOT_FOR_THIS_AGENT',
      message: 'The command is for another agent.',
      cause: 'The control plane sent it to the wrong place.',
      remedy: 'Report it: commands must never cross.',
    };
  if (command.signature.length === 0 && harmless) return undefined;
  const key = me.key(command.keyId);
  if (command.signature.length === 0) return invalid('it is not signed');
  if (key === undefined) return invalid('it is signed with a key that this agent does not pin');
  const startBy = command.startBy === undefined ? Number.NaN : timestampMs(command.startBy);
  const runTimeout = runTimeoutOf(command);
  if (!Number.isSafeInteger(startBy) || startBy < 0 || !Number.isSafeInteger(runTimeout) || runTimeout < 0)
    return invalid('it says no time');
  const terms = {
    orgId: me.orgId,
    agentId: me.agentId,
    commandId: command.id,
    resourceKey: command.resourceKey,
    fence: command.fence,
    op: payload.op.case ?? '',
    payloadSha256: command.payloadSha256,
    startBy,
    runTimeout,
    needsPermit: command.needsPermit,
  };
  if (!isCommandSigned(key, terms, command.signature)) return invalid('its signature is not for what it asks');
  if (me.wall() > startBy + staleAfterMs)
    return {
      reason: 'START_BY_PASSED',
      message: `The command was to begin before ${new Date(startBy).toISOString()}.`,
      cause: 'It is an old one that was sent again, or the clock of the site is wrong.',
      remedy: 'Check the clock of the agent’s machine, then try again.',
      retryable: true,
    };
  return undefined;
}

function isFor(command: Command, { op }: CommandPayload, me: Addressee): boolean {
  const { orgId }: { readonly orgId?: string } = op.case === undefined ? {} : (op.value as { orgId?: string });
  return (command.agentId === '' || command.agentId === me.agentId) && (orgId ?? me.orgId) === me.orgId;
}

const invalid = (how: string): FailureFacts => ({
  reason: 'SIGNATURE_INVALID',
  message: `The command is refused: ${how}.`,
  cause:
    'Something between orchestration and this agent changed it or made it up, or the keys were changed without overlap.',
  remedy:
    'Compare the key that `truffle-agent status` shows on the site with the control plane’s; if the keys were replaced at once, enrol the agent anew.',
});
