import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  type ClusterContext,
  evaluateOutputs,
  expandServers,
  parseTemplateHere,
  renderDeployment,
  resolveParameters,
  rolloutPlan,
  type Template,
} from '@truffle/template-language';

const folder = new URL('.', import.meta.url);
const names = readdirSync(folder).filter((name) => existsSync(new URL(`${name}/template.yaml`, folder)));

function read(name: string): { template: Template; readme: string } {
  const result = parseTemplateHere(readFileSync(new URL(`${name}/template.yaml`, folder)));
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return { template: result.template, readme: readFileSync(new URL(`${name}/README.md`, folder), 'utf8') };
}

/** A cluster of the template with its default values, all servers up. */
function deploy(template: Template): { context: ClusterContext; secrets: Record<string, string> } {
  const resolved = resolveParameters(template, {});
  if (!resolved.ok) throw new Error(JSON.stringify(resolved.problems));
  const expanded = expandServers(template, resolved.params, 'demo');
  if (!expanded.ok) throw new Error(JSON.stringify(expanded.problems));
  const servers = expanded.servers.map(({ name, role, index }, at) => ({
    name,
    role,
    index,
    address: `192.0.2.${at + 1}`,
  }));
  const secrets = Object.fromEntries(
    resolved.generate.map(({ name, length }) => [name, 'Aa0'.repeat(length).slice(0, length)]),
  );
  return { context: { cluster: { name: 'demo', id: 'clu_demo' }, params: resolved.params, servers }, secrets };
}

it('ships at least five', () => {
  expect(names).toEqual(expect.arrayContaining(['k3s', 'postgres', 'static-site', 'vm', 'web-app']));
});

describe.each(names)('%s', (name) => {
  const { template, readme } = read(name);
  const { context, secrets } = deploy(template);
  const rendered = rolloutPlan(template, context.servers).flatMap((deployment) =>
    deployment.batches.flat().map((serverName) => {
      const server = context.servers.find((each) => each.name === serverName);
      if (server === undefined) throw new Error(`the plan names ${serverName}, which is not there`);
      const result = renderDeployment(template, deployment.name, server, context, secrets);
      if (!result.ok) throw new Error(JSON.stringify(result.problems));
      return result;
    }),
  );

  it('is named as its folder and deploys on every role', () => {
    expect(template.metadata.name).toBe(name);
    const deployed = new Set(Object.values(template.deployments).flatMap((each) => each.on));
    expect([...deployed].toSorted()).toEqual(Object.keys(template.servers).toSorted());
  });

  it('renders without a trace of an expression', () => {
    expect(rendered.length).toBeGreaterThan(0);
    expect(JSON.stringify(rendered)).not.toContain('${{');
  });

  it('has scripts that the shell can read', () => {
    for (const script of rendered.flatMap((each) => each.steps.map((step) => step.run)))
      execFileSync('sh', ['-n'], { input: script, timeout: 10_000 });
  });

  it('keeps secrets out of scripts and of files that anyone may read', () => {
    for (const secret of Object.values(secrets)) {
      for (const { steps, files } of rendered) {
        for (const step of steps) expect(step.run).not.toContain(secret);
        for (const file of files.filter((each) => each.content.includes(secret)))
          expect(file.mode).toMatch(/^0[0-7][04]0$/);
      }
    }
  });

  it('gives all its outputs', () => {
    const outputs = evaluateOutputs(template, context, secrets);
    if (!outputs.ok) throw new Error(JSON.stringify(outputs.problems));
    expect(outputs.outputs.map((each) => each.name)).toEqual(Object.keys(template.outputs).toSorted());
    for (const output of outputs.outputs) expect(output.value).toBeTruthy();
  });

  it('has a README that names each parameter and output', () => {
    for (const word of [...Object.keys(template.parameters), ...Object.keys(template.outputs)])
      expect(readme).toContain(`\`${word}\``);
    for (const heading of ['**What you get.**', '**Outputs.**', '**How it scales.**', '**What it needs.**'])
      expect(readme).toContain(heading);
  });
});

it('postgres without replicas still plans', () => {
  const { template } = read('postgres');
  const expanded = expandServers(template, { ...deploy(template).context.params, replicas: 0 }, 'demo');
  expect(expanded).toMatchObject({ ok: true, servers: [{ name: 'demo-primary-0' }] });
});

it('static-site lists each web server in the balancer', () => {
  const { template } = read('static-site');
  const { context } = deploy(template);
  const balancer = context.servers.find((each) => each.role === 'balancer');
  if (balancer === undefined) throw new Error('the balancer is missing');
  const result = renderDeployment(template, 'balancer', balancer, context);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  expect(result.files[0]?.content).toMatch(
    /\n {4}server demo-web-0 192\.0\.2\.2:80 check\n {4}server demo-web-1 192\.0\.2\.3:80 check\n$/,
  );
});

it('web-app has Python that parses', () => {
  const { template } = read('web-app');
  const source = template.deployments['app']?.files?.find((each) => each.path.endsWith('.py'))?.content ?? '';
  execFileSync('python3', ['-c', 'import ast, sys; ast.parse(sys.stdin.read())'], { input: source, timeout: 10_000 });
});
