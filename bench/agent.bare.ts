/**
 * The floor of `agent.ts`: a process with one grpc-js stream over mutual TLS that says something every ten seconds, and nothing else.
 * Usage: node bench/agent.bare.ts <endpoint> <keys.json>; prints a line when the first echo came.
 */
import { readFileSync } from 'node:fs';
import { bareClient, openEcho, type BareKeys } from './bare-grpc.ts';

const [, , endpoint = '', file = ''] = process.argv;
const keepalive = {
  'grpc.keepalive_time_ms': 15_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.keepalive_permit_without_calls': 1,
};
const call = openEcho(bareClient(endpoint, JSON.parse(readFileSync(file, 'utf8')) as BareKeys, keepalive));
call.once('data', () => process.stdout.write('ready\n'));
call.on('data', () => undefined);
call.write(Buffer.alloc(8));
setInterval(() => call.write(Buffer.alloc(8)), 10_000);
