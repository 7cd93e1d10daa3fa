import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { UsageError } from '../failure/cli-error.ts';
import { changeConfig, configPath, readConfig, type Config } from './config-file.ts';
import { defaultEndpoint, resolveContext, type ContextInputs } from './context.ts';
import { parseDuration } from './duration.ts';
import { findProjectFile } from './project-file.ts';

const config: Config = {
  current: 'prod',
  contexts: {
    prod: { endpoint: 'https://prod.example.com', token: 'of-prod', org: 'org_prod', project: 'prj_prod' },
    stage: { endpoint: 'https://stage.example.com/', token: 'of-stage' },
  },
  knownAgents: {},
};
const projectFile = {
  endpoint: 'http://127.0.0.1:7411',
  apiKey: 'of-folder',
  orgId: 'org_folder',
  projectId: 'prj_folder',
};
const resolve = (given: Partial<ContextInputs>) =>
  resolveContext({
    flags: {},
    environment: {},
    projectFile: undefined,
    config: { contexts: {}, knownAgents: {} },
    ...given,
  });

test('flag before environment before project file before config before default', () => {
  expect(resolve({}).endpoint).toEqual({ value: defaultEndpoint, source: 'default' });
  expect(resolve({ config })).toMatchObject({
    endpoint: { value: 'https://prod.example.com', source: 'config' },
    token: { value: 'of-prod' },
  });
  expect(resolve({ config, projectFile })).toMatchObject({
    endpoint: { source: 'project file' },
    token: { value: 'of-folder' },
    org: { value: 'org_folder' },
    project: { value: 'prj_folder' },
  });
  const environment = { token: 'of-environment', org: 'acme' };
  expect(resolve({ config, projectFile, environment })).toMatchObject({
    token: { value: 'of-environment', source: 'environment' },
    org: { value: 'acme' },
    project: { source: 'project file' },
  });
  expect(resolve({ config, projectFile, environment, flags: { org: 'other', token: 'of-flag' } })).toMatchObject({
    token: { value: 'of-flag', source: 'flag' },
    org: { value: 'other' },
  });
});

test('a stored credential goes only to the endpoint that it was stored with', () => {
  const elsewhere = resolve({ config, projectFile, flags: { endpoint: 'https://evil.example.com' } });
  expect([elsewhere.token, elsewhere.org, elsewhere.project]).toEqual([undefined, undefined, undefined]);
  expect(resolve({ config, projectFile, flags: { endpoint: 'https://stage.example.com' } }).token?.value).toBe(
    'of-stage',
  );
  expect(resolve({ config, flags: { context: 'stage', endpoint: 'https://prod.example.com' } }).token).toBeUndefined();
});

test('a context named by hand comes before the project file', () => {
  expect(resolve({ config, projectFile, flags: { context: 'stage' } })).toMatchObject({
    endpoint: { value: 'https://stage.example.com' },
    token: { value: 'of-stage' },
  });
});

test('finds the project file in the folder or above it, and refuses a broken one', () => {
  const root = mkdtempSync(join(tmpdir(), 'truffle-context-'));
  const below = join(root, 'a/b');
  mkdirSync(below, { recursive: true });
  mkdirSync(join(root, '.truffle'));
  expect(findProjectFile(below)).toBeUndefined();
  const path = join(root, '.truffle/context.json');
  writeFileSync(path, JSON.stringify(projectFile));
  expect(findProjectFile(below)).toEqual({ path, file: projectFile });
  for (const broken of ['{', '{}', '[]', '{"endpoint": 1}']) {
    writeFileSync(path, broken);
    expect(() => findProjectFile(below)).toThrow(UsageError);
  }
  rmSync(root, { recursive: true });
});

test('the config is changed as a whole and readable by its owner only', () => {
  const home = mkdtempSync(join(tmpdir(), 'truffle-config-'));
  const path = configPath({ HOME: home });
  expect(path).toBe(join(home, '.config/truffle/config.json'));
  expect(configPath({ HOME: home, XDG_CONFIG_HOME: '/x' })).toBe('/x/truffle/config.json');
  expect(readConfig(path)).toEqual({ contexts: {}, knownAgents: {} });
  changeConfig(path, () => config);
  expect(readConfig(path)).toEqual(config);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  writeFileSync(path, 'not JSON');
  expect(() => readConfig(path)).toThrow(UsageError);
  rmSync(home, { recursive: true });
});

test('durations', () => {
  expect(['500ms', '30s', '10m', '1h30m', '90d', '5'].map((each) => parseDuration(each, '--timeout'))).toEqual([
    500, 30_000, 600_000, 5_400_000, 7_776_000_000, 5_000,
  ]);
  for (const wrong of ['', '0', '0s', '-1s', '1w', '1h x', 's', '99999d'])
    expect(() => parseDuration(wrong, '--timeout')).toThrow(UsageError);
});
