import { create } from '@bufbuild/protobuf';
import { FailureSchema, type Failure } from '@truffle/api/type/v1/failure';
import type { StoredFailure } from './cluster/cluster.table.ts';

/** A failure as it is stored. */
export const storedFailure = (
  failure: Partial<StoredFailure> & Pick<StoredFailure, 'reason' | 'message'>,
): StoredFailure => ({
  cause: '',
  remedy: '',
  logTail: [],
  retryable: true,
  parameters: {},
  ...failure,
});

/** From a message to what is stored. */
export const storeFailure = (failure: Failure): StoredFailure => ({
  reason: failure.reason,
  message: failure.message,
  cause: failure.cause,
  remedy: failure.remedy,
  logTail: failure.logTail,
  retryable: failure.retryable,
  parameters: failure.parameters,
});

/** From what is stored to a message. */
export const failureMessage = (failure: StoredFailure): Failure =>
  create(FailureSchema, { ...failure, logTail: [...failure.logTail], parameters: { ...failure.parameters } });
