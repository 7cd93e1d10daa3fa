import { DecodedFailure } from '../command/failure.ts';
import { GuestLoginRefused, HostKeyChanged } from './connection.ts';
import { GuestUnreachable } from './reach.ts';

/** What an attempt to reach a guest failed with, told for people; any other error as it is. */
export function decodeGuest(error: unknown): unknown {
  if (error instanceof HostKeyChanged) {
    return new DecodedFailure(
      {
        reason: error.code,
        message: error.message,
        cause:
          'The server was made anew outside of Truffle, another machine has its address, or somebody is in between.',
        remedy: 'Find out which. If it is legitimate, replace the server.',
      },
      { cause: error },
    );
  }
  if (error instanceof GuestLoginRefused) {
    return new DecodedFailure(
      {
        reason: error.code,
        message: error.message,
        cause: 'Cloud-init did not run or did not put the key in: the image may lack cloud-init.',
        remedy: 'Look at /var/log/cloud-init.log on the server; install cloud-init in the image.',
        retryable: true,
      },
      { cause: error },
    );
  }
  if (error instanceof GuestUnreachable) {
    return new DecodedFailure(
      {
        reason: error.code,
        message: error.message,
        cause: 'The server is down, or a firewall or the bastion is in between.',
        remedy: 'Check that the server runs and that the agent (or its bastion) reaches it.',
        retryable: true,
      },
      { cause: error },
    );
  }
  return error;
}
