import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { blueprintOf } from './blueprint.ts';

const source = (name: string): string =>
  readFileSync(new URL(`../../../../templates/${name}/template.yaml`, import.meta.url), 'utf8');

test('a role that is told of another is linked to it', () => {
  const { roles, links, deployments } = blueprintOf(source('static-site'));
  expect(roles).toEqual(['balancer', 'web']);
  expect(links).toEqual([{ from: 'balancer', to: 'web', deployment: 'balancer' }]);
  expect(deployments.find(({ name }) => name === 'web')).toEqual({
    name: 'web',
    on: ['web'],
    strategy: 'rolling',
    steps: ['install', 'reload'],
    health: ['http'],
  });
});

test('a template without deployments has no links', () => {
  expect(blueprintOf('servers: { vm: { count: 1 } }')).toEqual({ roles: ['vm'], deployments: [], links: [] });
  expect(blueprintOf('')).toEqual({ roles: [], deployments: [], links: [] });
});
