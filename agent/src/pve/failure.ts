import { DecodedFailure } from '../command/failure.ts';
import { PveError, PveTaskError } from './error.ts';
import { faultOf } from './fault.ts';

/** What a call or a task of Proxmox VE failed with, told for people; any other error as it is. */
export function decodePve(error: unknown): unknown {
  const fault = faultOf(error);
  if (fault === undefined) return error;
  const facts = { reason: fault.code, cause: fault.cause, remedy: fault.remedy, retryable: fault.passes };
  if (error instanceof PveTaskError) {
    const message = `A task on the hypervisor failed: ${error.exitStatus}`;
    return new DecodedFailure(
      { ...facts, message, logTail: error.logTail, parameters: { upid: error.upid } },
      { cause: error },
    );
  }
  if (!(error instanceof PveError)) return error;
  const missing = /\(([^,()]+), ([^()]+)\)/.exec(error.status === 403 ? error.reason : '');
  const parameters = { operation: error.operation, status: String(error.status) };
  if (missing === null) return new DecodedFailure({ ...facts, message: error.message, parameters }, { cause: error });
  const [, path = '', privilege = ''] = missing;
  return new DecodedFailure(
    {
      ...facts,
      message: error.message,
      cause: `The API token lacks ${privilege} on ${path}.`,
      remedy: `Grant it: pveum acl modify ${path} --tokens <token> --roles <a role with ${privilege}>; a token with privilege separation needs it besides its user.`,
      parameters: { ...parameters, path, privilege },
    },
    { cause: error },
  );
}
