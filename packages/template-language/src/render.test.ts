import { describe, expect, it } from 'vitest';
import { sampleSource, sampleWith } from './fixture.ts';
import { parseSetFlag, parametersSchema, resolveParameters } from './parameters.ts';
import { parseTemplateHere } from './parse.ts';
import { type ClusterContext, evaluateOutputs, renderDeployment } from './render.ts';
import { rolloutPlan } from './rollout.ts';
import { expandServers } from './servers.ts';
import type { Template } from './template.ts';
import { compareVersions, isUpgrade } from './version.ts';

function templateOf(source: string): Template {
  const result = parseTemplateHere(source);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.template;
}

const template = templateOf(sampleSource);
const servers = [
  { name: 'db-primary-0', role: 'primary', index: 0, address: '10.0.0.1' },
  { name: 'db-replica-0', role: 'replica', index: 0, address: '10.0.0.2' },
  { name: 'db-replica-1', role: 'replica', index: 1, address: '10.0.0.3' },
  { name: 'db-replica-2', role: 'replica', index: 2, address: '10.0.0.4' },
] as const;
const context: ClusterContext = {
  cluster: { name: 'db', id: 'clu_1' },
  params: { replicas: 3, database: 'app' },
  servers,
};
const secrets = { password: 's3cr3t-$(reboot)' };

describe('resolveParameters', () => {
  it('fills in defaults and names the secrets to generate', () => {
    expect(resolveParameters(template, {})).toEqual({
      ok: true,
      params: { replicas: 2, database: 'app' },
      generate: [{ name: 'password', length: 32 }],
    });
  });

  it('takes sealed secrets as given', () => {
    expect(resolveParameters(template, { replicas: 4 }, ['password'])).toEqual({
      ok: true,
      params: { replicas: 4, database: 'app' },
      generate: [],
    });
  });

  it('evaluates defaults after what they refer to', () => {
    const derived = templateOf(
      sampleWith('default: app', 'default: "${{ params.zone }}"').replace(
        '  password:',
        '  zone: { type: string, default: north }\n  password:',
      ),
    );
    expect(resolveParameters(derived, { zone: 'south' })).toMatchObject({ ok: true, params: { database: 'south' } });
  });

  it.each([
    [{ replicas: '2' }, 'INVALID_VALUE', 'params.replicas', /type integer/],
    [{ replicas: 9 }, 'INVALID_VALUE', 'params.replicas', /at most 5/],
    [{ database: 'a;b' }, 'INVALID_VALUE', 'params.database', /\^\[a-z\]\+\$/],
    [{ replica: 2 }, 'UNKNOWN_REFERENCE', 'params.replica', /one of replicas/],
    [{ password: 'in-the-clear' }, 'SECRET_EXPOSED', 'params.password', /sealed/],
    [{ constructor: 1 }, 'UNKNOWN_REFERENCE', 'params.constructor', /one of/],
  ])('refuses %j', (values, code, path, expected) => {
    expect(resolveParameters(template, values)).toMatchObject({
      ok: false,
      problems: [{ code, path, expected: expect.stringMatching(expected) }],
    });
  });

  it('never repeats a secret that was sent in clear', () => {
    expect(JSON.stringify(resolveParameters(template, { password: 'hunter2hunter2' }))).not.toContain('hunter2');
  });
});

it('bounds what matching a value may cost', () => {
  const heavy = templateOf(sampleWith('^[a-z]+$', '^([a-z]{1,100})*$'));
  expect(resolveParameters(heavy, { database: 'a'.repeat(60_000) })).toMatchObject({
    ok: false,
    problems: [
      { code: 'INVALID_VALUE', path: 'params.database', expected: expect.stringMatching(/^at most \d+ characters$/) },
    ],
  });
});

describe('parseSetFlag', () => {
  it.each([
    ['replicas=3', { name: 'replicas', value: 3, secret: false }],
    ['database=x', { name: 'database', value: 'x', secret: false }],
    ['password=a=b', { name: 'password', value: 'a=b', secret: true }],
  ])('reads %s', (flag, expected) => {
    expect(parseSetFlag(template, flag)).toEqual({ ok: true, ...expected });
  });

  it.each(['replicas', '=3', 'replicas=two', 'replicas=2.5', 'replicas=9', 'nothing=1'])('refuses %s', (flag) => {
    expect(parseSetFlag(template, flag)).toMatchObject({ ok: false });
  });
});

it('parametersSchema draws a form', () => {
  expect(parametersSchema(template)).toMatchObject({
    required: [],
    properties: {
      replicas: { type: 'integer', minimum: 1, maximum: 5, default: 2 },
      password: { type: 'string', writeOnly: true, format: 'password' },
    },
  });
});

describe('expandServers', () => {
  it('names servers and counts bytes', () => {
    const result = expandServers(template, { replicas: 2, database: 'app' }, 'db');
    if (!result.ok) throw new Error(JSON.stringify(result.problems));
    expect(result.servers.map((each) => each.name)).toEqual(['db-primary-0', 'db-replica-0', 'db-replica-1']);
    expect(result.servers[0]).toEqual({
      role: 'primary',
      index: 0,
      name: 'db-primary-0',
      image: 'debian-12',
      cpu: 2,
      memoryBytes: 4 * 2 ** 30,
      diskBytes: 40 * 2 ** 30,
      networks: ['lan'],
      antiAffinity: false,
    });
  });

  it('takes a scaled count within bounds', () => {
    expect(expandServers(template, context.params, 'db', { replica: 5 })).toMatchObject({
      ok: true,
      servers: { length: 6 },
    });
    expect(expandServers(template, context.params, 'db', { replica: 6 })).toMatchObject({
      ok: false,
      problems: [{ code: 'INVALID_VALUE', path: 'servers.replica.count' }],
    });
  });

  it("refuses a cluster's name with shell characters", () => {
    expect(expandServers(template, context.params, 'db;reboot')).toMatchObject({
      ok: false,
      problems: [{ code: 'INVALID_NAME' }],
    });
  });
});

it('rolloutPlan orders deployments and cuts batches', () => {
  expect(rolloutPlan(template, servers)).toEqual([
    { name: 'database', batches: [['db-primary-0'], ['db-replica-0', 'db-replica-1'], ['db-replica-2']] },
  ]);
  const two = templateOf(
    sampleWith(
      'deployments:\n',
      'deployments:\n  another: { on: [replica], after: [database], rollout: { strategy: all } }\n',
    ),
  );
  expect(rolloutPlan(two, servers).map((each) => each.name)).toEqual(['database', 'another']);
  expect(rolloutPlan(two, servers)[1]?.batches).toEqual([['db-replica-0', 'db-replica-1', 'db-replica-2']]);
});

describe('renderDeployment', () => {
  it('puts values into files and environment, and leaves scripts alone', () => {
    expect(renderDeployment(template, 'database', servers[1], context, secrets)).toEqual({
      ok: true,
      files: [
        {
          path: '/etc/db.conf',
          content: 'name = app\npassword = s3cr3t-$(reboot)\n',
          mode: '0644',
          owner: 'root:root',
          notify: 'restart',
        },
      ],
      steps: [
        { name: 'install', run: 'apt-get install -y postgresql', env: {}, timeoutMs: 600_000, idempotent: true },
        {
          name: 'join',
          run: 'join "$PRIMARY"',
          env: { PRIMARY: '10.0.0.1', PGPASSWORD: 's3cr3t-$(reboot)' },
          timeoutMs: 600_000,
          idempotent: true,
        },
        {
          name: 'restart',
          run: 'systemctl restart postgresql',
          env: {},
          timeoutMs: 90_000,
          idempotent: false,
          onChangeOf: ['/etc/db.conf'],
        },
      ],
      health: { kind: 'tcp', port: 5432, timeoutMs: 60_000, intervalMs: 2_000 },
    });
  });

  it.each([
    [{ restartUnits: ['postgresql'] }, { units: ['postgresql'], failures: 3 }],
    [{ reboot: true, failures: 5 } as const, { units: [], failures: 5 }],
  ])('renders the remedy %j', (remedy, expected) => {
    const database = { on: ['primary'], health: { tcp: 5432, remedy } };
    const remedied = { ...template, deployments: { ...template.deployments, database } };
    expect(renderDeployment(remedied, 'database', servers[0], context)).toMatchObject({
      health: { kind: 'tcp', remedy: expected },
    });
  });

  it('leaves out steps whose condition is false', () => {
    expect(renderDeployment(template, 'database', servers[0], context, secrets)).toMatchObject({
      ok: true,
      steps: [{ name: 'install' }, { name: 'restart' }],
    });
  });

  it('fails with a path, and without values, when a secret is missing', () => {
    expect(renderDeployment(template, 'database', servers[0], context)).toMatchObject({
      ok: false,
      problems: [{ code: 'EXPRESSION_FAILED', path: 'deployments.database.files[0].content' }],
    });
  });

  it('refuses a deployment that does not exist', () => {
    expect(renderDeployment(template, 'constructor', servers[0], context)).toMatchObject({
      ok: false,
      problems: [{ code: 'UNKNOWN_REFERENCE' }],
    });
  });
});

describe('evaluateOutputs', () => {
  it('leaves sensitive ones to whoever has the secrets', () => {
    const url = 'postgres://10.0.0.1:5432/app';
    expect(evaluateOutputs(template, context)).toEqual({
      ok: true,
      outputs: [
        { name: 'dsn', sensitive: true },
        { name: 'url', sensitive: false, value: url },
      ],
    });
    expect(evaluateOutputs(template, context, secrets)).toMatchObject({
      outputs: [
        { name: 'dsn', value: `${url}?password=s3cr3t-$(reboot)` },
        { name: 'url', value: url },
      ],
    });
  });

  it('fails with a path when a server is not there', () => {
    expect(evaluateOutputs(template, { ...context, servers: [] })).toMatchObject({
      ok: false,
      problems: [{ code: 'EXPRESSION_FAILED', path: 'outputs.url' }],
    });
  });
});

it('versions are compared as semantic versions', () => {
  expect(compareVersions('1.10.0', '1.9.0')).toBe(1);
  expect(isUpgrade('1.9.0', '1.10.0')).toBe(true);
  expect(isUpgrade('1.0.0', '1.0.0-rc.1')).toBe(false);
});
