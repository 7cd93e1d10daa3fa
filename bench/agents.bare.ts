/**
 * The floor of `agents.ts`: a process that echoes over grpc-js, with the gateway's keep-alive and limits.
 * Usage: node bench/agents.bare.ts <port> <keys.json>; prints a line when it listens.
 */
import { readFileSync } from 'node:fs';
import { serveEcho, type BareKeys } from './bare-grpc.ts';

const [, , port = '', file = ''] = process.argv;
await serveEcho(JSON.parse(readFileSync(file, 'utf8')) as BareKeys, `127.0.0.1:${port}`, {
  'grpc.keepalive_time_ms': 15_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.max_concurrent_streams': 4,
});
process.stdout.write('listening\n');
