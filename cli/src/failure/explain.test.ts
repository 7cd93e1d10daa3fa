import { create } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RequestInfoSchema,
  RetryInfoSchema,
} from '@truffle/api/google/rpc/error_details';
import { expect, test } from 'vitest';
import { findByName } from '../lookup/lookup.ts';
import { AmbiguousNameError, NotSignedInError, UnknownNameError } from './cli-error.ts';
import { explain } from './explain.ts';
import { nearest } from './nearest.ts';

const at = 'http://127.0.0.1:7400';

test('every status has its exit code and something to do next', () => {
  const codes = Object.values(Code).filter((each) => typeof each === 'number');
  const shown = codes.map((code) => explain(new ConnectError('x', code), at));
  expect(shown.every((each) => each.next.length > 0)).toBe(true);
  expect(Object.fromEntries(codes.map((code, i) => [Code[code], shown[i]?.exitCode]))).toMatchObject({
    Unauthenticated: 4,
    NotFound: 5,
    AlreadyExists: 6,
    Aborted: 6,
    ResourceExhausted: 7,
    DeadlineExceeded: 124,
    InvalidArgument: 2,
    Internal: 1,
    Unavailable: 1,
  });
});

test('shows fields, the reason and the request id', () => {
  const status = new ConnectError('not valid', Code.InvalidArgument);
  status.details.push(
    { desc: ErrorInfoSchema, value: create(ErrorInfoSchema, { reason: 'INVALID_ARGUMENT' }) },
    {
      desc: BadRequestSchema,
      value: create(BadRequestSchema, { fieldViolations: [{ field: 'spec.name', description: 'is no DNS label' }] }),
    },
    { desc: RequestInfoSchema, value: create(RequestInfoSchema, { requestId: 'req_1' }) },
  );
  expect(explain(status, at)).toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: 'not valid',
    details: ['spec.name: is no DNS label'],
    requestId: 'req_1',
  });
});

test('too many calls is no quota', () => {
  const status = new ConnectError('too many calls', Code.ResourceExhausted);
  status.details.push({
    desc: RetryInfoSchema,
    value: create(RetryInfoSchema, { retryDelay: { seconds: 4n, nanos: 0 } }),
  });
  expect(explain(status, at)).toMatchObject({ exitCode: 1, next: ['wait 4 s, then repeat the command'] });
});

test('names the endpoint that can not be reached', () => {
  const cause = new Error('connect ECONNREFUSED 127.0.0.1:7400');
  expect(explain(new ConnectError('unavailable', Code.Unavailable, undefined, undefined, cause), at).message).toBe(
    `can't reach ${at}: connect ECONNREFUSED 127.0.0.1:7400`,
  );
});

test('our own errors say what they say', () => {
  expect(explain(new NotSignedInError(at), at)).toMatchObject({ exitCode: 4, code: 'NOT_SIGNED_IN' });
  expect(explain(new Error('boom'), at)).toMatchObject({ exitCode: 1, code: 'UNEXPECTED' });
});

test('names are found, unknown ones get a hint, ambiguous ones a list', () => {
  const all = [
    { id: 'a', name: 'shop' },
    { id: 'b', name: 'web' },
    { id: 'c', name: 'web' },
  ];
  expect(findByName('cluster', 'shop', all, []).id).toBe('a');
  expect(findByName('cluster', 'b', all, []).name).toBe('web');
  expect(() => findByName('cluster', 'shpo', all, [])).toThrow(new UnknownNameError('cluster', 'shpo', [], 'shop'));
  expect(() => findByName('cluster', 'web', all, [])).toThrow(AmbiguousNameError);
  expect([nearest('clutser', ['cluster', 'server']), nearest('x', ['cluster'])]).toEqual(['cluster', undefined]);
});
