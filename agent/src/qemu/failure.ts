import { QemuError } from '@truffle/qemu';
import { DecodedFailure } from '../command/failure.ts';

/** What may pass by itself. */
const passing: ReadonlySet<string> = new Set(['QEMU_NO_ANSWER', 'QEMU_AGENT_SILENT', 'QEMU_STOP_FAILED']);

/** What a machine failed with, told for people; any other error as it is. */
export function decodeQemu(error: unknown): unknown {
  if (error instanceof QemuError) {
    const { code, message, remedy, output } = error;
    const facts = { reason: code, message, remedy, logTail: output, retryable: passing.has(code) };
    return new DecodedFailure({ ...facts, cause: output.at(-1) ?? '' }, { cause: error });
  }
  if (error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')) {
    return new DecodedFailure(
      {
        reason: 'QEMU_STORAGE_FULL',
        message: 'The disk that holds the machines is full',
        remedy: 'Make room on it, then try again.',
        retryable: true,
      },
      { cause: error },
    );
  }
  return error;
}
