import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createLogger } from './logger.ts';
import { startTelemetry } from './telemetry.ts';
import { currentTraceparent, inSpan } from './trace.ts';

const lines: string[] = [];
const sink = new Writable({ write: (chunk: Buffer, _encoding, done) => (lines.push(chunk.toString()), done()) });

describe('telemetry', () => {
  it('follows a request from one process to the next and into the logs', async () => {
    const telemetry = startTelemetry('test', '');
    const logger = createLogger('test', 'info', sink);
    let sent = '';
    await inSpan('first', {}, async () => {
      sent = currentTraceparent();
    });
    expect(sent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    await inSpan('second', { traceparent: sent }, async () => {
      logger.info({ nested: { password: 'hunter2' } }, 'hello');
      expect(currentTraceparent().slice(0, 35)).toBe(sent.slice(0, 35));
    });
    expect(lines.join('')).toContain(sent.slice(3, 35));
    expect(lines.join('')).not.toContain('hunter2');
    await telemetry.close();
  });
});
