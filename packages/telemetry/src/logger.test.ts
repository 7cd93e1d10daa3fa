import { describe, expect, it } from 'vitest';
import { createLogger } from './logger.ts';

/** What a logger writes, line by line. */
function written(log: (logger: ReturnType<typeof createLogger>) => void): string[] {
  const lines: string[] = [];
  log(createLogger('test', 'info', { write: (text: string) => void lines.push(text) }));
  return lines;
}

const entry = (line: string | undefined): Record<string, unknown> => JSON.parse(line ?? '') as Record<string, unknown>;

describe('a log', () => {
  it('says of each entry when (UTC), what service, how grave and what', () => {
    const [line] = written((logger) => logger.warn({ requestId: 'req_1' }, 'a service did not answer'));
    expect(entry(line)).toMatchObject({
      service: 'test',
      level: 'warn',
      requestId: 'req_1',
      msg: 'a service did not answer',
    });
    expect(String(entry(line)['time'])).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  it('shows no secret, however deep it stands', () => {
    const secrets = [
      'password',
      'token',
      'secret',
      'credential',
      'authorization',
      'sessionToken',
      'apiKey',
      'privateKey',
    ];
    for (const name of secrets) {
      const lines = written((logger) =>
        logger.info({ [name]: 'canary-1', header: { [name]: 'canary-2', inner: { [name]: 'canary-3' } } }, 'seen'),
      );
      expect(lines.join(''), name).not.toContain('canary');
      expect(lines.join('').match(/\[redacted\]/g), name).toHaveLength(3);
    }
  });

  it('is one line of JSON for each entry, whatever somebody put into it', () => {
    const forged = 'x\r\n{"level":"info","msg":"forged"}\n\u2028\u0085\u001b[2Jend';
    const lines = written((logger) => logger.error({ path: forged, err: new Error(forged) }, forged));
    expect(lines).toHaveLength(1);
    for (const sign of ['\r', '\n', '\u001b']) expect(lines[0]?.trimEnd()).not.toContain(sign);
    expect(entry(lines[0])).toMatchObject({ msg: forged, path: forged });
  });
});
