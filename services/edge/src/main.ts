import { createLogger } from '@truffle/telemetry';
import { startEdge } from './edge.ts';

try {
  const edge = await startEdge(process.env);
  const stop = (): void => void edge.close().then(() => process.exit(0));
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
} catch (error) {
  createLogger('edge').fatal({ err: error }, 'could not start');
  process.exitCode = 1;
}
