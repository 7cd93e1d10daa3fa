import { OrganizationService } from '@truffle/api/tenant/v1/tenancy_service';
import { RateClass } from '@truffle/api/options/v1/method';
import type http from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EarlyRefusals } from './limit.early.ts';
import { RateLimitError } from './limit.ts';
import { listenOrigin, type OriginServer } from './server.ts';

const clock = { now: 0 };
const held = new Set<() => void>();
const later = (work: () => void): (() => void) => {
  held.add(work);
  return () => held.delete(work);
};
const early = new EarlyRefusals(() => clock.now, later);
let origin: OriginServer;

beforeAll(async () => {
  early.serve([OrganizationService]);
  const error = new RateLimitError('tenant', 500);
  error.metadata.set('ratelimit', '"tenant";r=0;t=9');
  early.note('Bearer heavy', RateClass.READ, error, 500);
  early.note(null, RateClass.READ, error, 500);
  origin = await listenOrigin(
    (request, response) => {
      if (!early.answer(request, response)) (response as http.ServerResponse).end('on');
    },
    { host: '127.0.0.1', port: 0 },
  );
});
afterAll(() => origin.close(100));

const rpc = '/truffle.tenant.v1.OrganizationService/GetOrganization';
async function ask(
  path: string,
  authorization: string | undefined,
  type = 'application/json',
  method = 'POST',
  signal?: AbortSignal,
) {
  const answer = await fetch(`http://127.0.0.1:${origin.port}${path}`, {
    method,
    headers: { 'content-type': type, ...(authorization === undefined ? {} : { authorization }) },
    ...(method === 'POST' ? { body: '{}' } : {}),
    ...(signal === undefined ? {} : { signal }),
  });
  return { status: answer.status, headers: answer.headers, body: await answer.text() };
}

test('answers for who is over its limit in the protocol that was asked in', async () => {
  const connect = await ask(rpc, 'Bearer heavy');
  expect(connect.status).toBe(429);
  expect(JSON.parse(connect.body)).toMatchObject({ code: 'resource_exhausted', details: [{}, {}] });
  expect([connect.headers.get('retry-after'), connect.headers.get('ratelimit')]).toEqual(['1', '"tenant";r=0;t=9']);
  const rest = await ask('/v1/organizations/org_x', 'Bearer heavy', 'application/json', 'GET');
  expect(rest.status).toBe(429);
  expect(JSON.parse(rest.body)).toMatchObject({ reason: 'RATE_LIMITED', parameters: { policy: 'tenant' } });
  const grpc = await ask(rpc, 'Bearer heavy', 'application/grpc+proto');
  expect([grpc.status, grpc.headers.get('grpc-status'), grpc.headers.get('retry-after')]).toEqual([200, '8', '1']);
});

test.each([
  ['another credential', rpc, 'Bearer light', 'application/json'],
  ['no credential', rpc, undefined, 'application/json'],
  [
    'a method of another class',
    '/truffle.tenant.v1.OrganizationService/CreateOrganization',
    'Bearer heavy',
    'application/json',
  ],
  ['a method that is not there', '/truffle.tenant.v1.OrganizationService/Nothing', 'Bearer heavy', 'application/json'],
  ['a path that is not well encoded', '/v1/organizations/%ff', 'Bearer heavy', 'application/json'],
  ['a stream', rpc, 'Bearer heavy', 'application/connect+json'],
])('lets %s go on', async (_, path, authorization, type) => {
  expect((await ask(path, authorization, type)).body).toBe('on');
});

test('lets who waited go on', async () => {
  clock.now = 500;
  expect((await ask(rpc, 'Bearer heavy')).body).toBe('on');
});

test('holds the answer back from who calls on regardless, and forgets it with the connection', async () => {
  const note = (): void => early.note('Bearer flood', RateClass.READ, new RateLimitError('tenant', 50), 50);
  note();
  for (let at = 0; at < 20; at++) expect((await ask(rpc, 'Bearer flood')).status).toBe(429);
  expect(early.held).toBe(0);
  // Another note about the same credential does not make it welcome again.
  clock.now += 40;
  note();
  const slow = ask(rpc, 'Bearer flood');
  await expect.poll(() => early.held).toBe(1);
  const leaves = new AbortController();
  const gone = ask(rpc, 'Bearer flood', 'application/json', 'POST', leaves.signal);
  await expect.poll(() => early.held).toBe(2);
  leaves.abort();
  await expect(gone).rejects.toThrow('aborted');
  await expect.poll(() => early.held).toBe(1);
  for (const work of held) work();
  expect([(await slow).status, early.held]).toEqual([429, 0]);
  clock.now += 1_000;
  note();
  expect((await ask(rpc, 'Bearer flood')).status).toBe(429);
});
