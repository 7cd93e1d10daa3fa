import { describe, expect, it } from 'vitest';
import { describeSettings, flag, integer, list, readSettings, secret, SettingError, text } from './settings.ts';

const noFile = (): string => {
  throw new Error('no file');
};

describe('settings', () => {
  it('are read with their types and fallbacks', () => {
    const got = readSettings(
      {
        port: integer('PORT', 'port', { min: 1, max: 65535 }),
        on: flag('ON', 'on', { fallback: false }),
        hosts: list('HOSTS', 'hosts'),
        name: text('NAME', 'name', { fallback: 'x' }),
      },
      { PORT: '80', HOSTS: 'a, b,,' },
      noFile,
    );
    expect(got).toEqual({ port: 80, on: false, hosts: ['a', 'b'], name: 'x' });
  });

  it('name what is missing or malformed, never the value', () => {
    expect(() => readSettings({ key: secret('KEY', 'the key') }, {}, noFile)).toThrow('KEY is not set (the key)');
    try {
      readSettings({ port: integer('PORT', 'port') }, { PORT: 'hunter2' }, noFile);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(SettingError);
      expect(String(error)).not.toContain('hunter2');
    }
  });

  it('take secrets from a file and out of the environment, and never print them', () => {
    const env: Record<string, string | undefined> = { A: 's3cret', B_FILE: '/b' };
    const declared = { a: secret('A', 'first'), b: secret('B', 'second') };
    expect(readSettings(declared, env, () => 'from-file\n')).toEqual({ a: 's3cret', b: 'from-file' });
    expect(env['A']).toBeUndefined();
    expect(describeSettings({ a: secret('A', 'first', { fallback: 'dev' }) })).not.toContain('dev');
  });
});
