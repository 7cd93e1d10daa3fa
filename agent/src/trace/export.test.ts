import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { trace } from '@opentelemetry/api';
import { expect, test } from 'vitest';
import { traceIdOf } from './command-trace.ts';
import { exportTraces } from './export.ts';

test('a collector that never answers does not keep the agent from ending', async () => {
  const arrived = Promise.withResolvers<void>();
  const server = createServer(() => arrived.resolve());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const traces = await exportTraces(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, '1.2.3');
  trace.getTracer('test').startSpan('last').end();
  const began = performance.now();
  await traces.close();
  expect(performance.now() - began).toBeLessThan(5_000);
  await arrived.promise;
  server.closeAllConnections();
  server.close();
});

test('names the trace of a command for its log lines', () => {
  expect(traceIdOf('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01')).toBe('0af7651916cd43dd8448eb211c80319c');
  for (const none of ['', 'nonsense', '00-0af7-b7ad-01']) expect(traceIdOf(none)).toBeUndefined();
});
