import { execFile } from 'node:child_process';
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { bundleAgent, compile } from '../bundle.ts';
import { testFolder } from './testing/folder.ts';
import { version } from './version.ts';

const run = promisify(execFile);

describe('the bundle', () => {
  test('runs by itself', async () => {
    const { entry } = await bundleAgent(testFolder());
    const { stdout } = await run(entry, ['version'], {
      env: { PATH: `${join(process.execPath, '..')}:/usr/bin:/bin` },
    });
    expect(stdout.trim()).toBe(version);
  });

  test('is made anew when one of its sources has changed, and only then', async () => {
    const out = testFolder();
    const { entry } = await bundleAgent(out);
    const madeAt = (): number => statSync(entry).mtimeMs;
    const first = madeAt();
    await bundleAgent(out);
    expect(madeAt()).toBe(first);
    // As if a source had been another one when the bundle was made.
    const record = join(out, 'inputs.json');
    const inputs = JSON.parse(readFileSync(record, 'utf8')) as Record<string, string>;
    writeFileSync(record, JSON.stringify({ ...inputs, 'agent/src/program.ts': 'another' }));
    chmodSync(entry, 0o644);
    await Promise.all([bundleAgent(out), bundleAgent(out)]);
    expect(JSON.parse(readFileSync(record, 'utf8'))).toEqual(inputs);
    expect(statSync(entry).mode & 0o777).toBe(0o755);
  });

  test('holds at rest neither what enrolling, tracing nor deploying needs', async () => {
    const chunks = new Map((await compile()).map((chunk) => [chunk.fileName, chunk]));
    const atRest = new Set<string>();
    const load = (name: string): void => {
      if (!chunks.has(name) || atRest.has(name)) return;
      atRest.add(name);
      chunks.get(name)?.imports.forEach(load);
    };
    const loaded = /agent\/src\/(main|program|site\/site|journal\/lock)\.ts$/;
    for (const chunk of chunks.values())
      if (chunk.isEntry || loaded.test(chunk.facadeModuleId ?? '')) load(chunk.fileName);
    const modules = [...atRest].flatMap((name) => chunks.get(name)?.moduleIds ?? []);
    const holds = (part: string): boolean => modules.some((id) => id.includes(part));
    expect(['/agent/src/pve/clone.ts', '/@grpc/grpc-js/', '/yaml/'].filter((part) => !holds(part))).toEqual([]);
    const late = [
      '/template-language/src/render.ts',
      '/template-language/src/parse.ts',
      '/ajv/',
      '/@bufbuild/cel/',
      '/ssh2/',
      '/@peculiar/',
      '/@connectrpc/',
    ];
    expect([...late, '/@opentelemetry/sdk-trace', '/@opentelemetry/exporter'].filter(holds)).toEqual([]);
  });
});
