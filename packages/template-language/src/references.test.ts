import { describe, expect, it } from 'vitest';
import { type RefusalCase, refusalOf } from './refusal.fixture.ts';

const heavyPattern = `^a{1,900}${'b'.repeat(180)}c{1,900}$`;

const references: readonly RefusalCase[] = [
  [
    'an unknown role',
    'on: [primary, replica]',
    'on: [primary, repilca]',
    'UNKNOWN_REFERENCE',
    'deployments.database.on[1]',
    'repilca',
    /did you mean replica\?/,
  ],
  [
    'an order of other roles',
    'order: [primary, replica]',
    'order: [primary, other]',
    'UNKNOWN_REFERENCE',
    'deployments.database.rollout.order[1]',
    'other',
    /one of primary, replica/,
  ],
  [
    'a notification of nothing',
    'notify: restart',
    'notify: restrat',
    'UNKNOWN_REFERENCE',
    'deployments.database.files[0].notify',
    'restrat',
    /did you mean restart\?/,
  ],
  [
    'a step twice',
    'name: join',
    'name: install',
    'DUPLICATE_NAME',
    'deployments.database.steps[1].name',
    'install\n        when',
    /once/,
  ],
  [
    'a default out of bounds',
    'default: 2',
    'default: 9',
    'INVALID_VALUE',
    'parameters.replicas.default',
    '9 }',
    /at most 5/,
  ],
  [
    'a default of another type',
    'default: 2',
    'default: "2"',
    'INVALID_VALUE',
    'parameters.replicas.default',
    '"2"',
    /type integer/,
  ],
  [
    'a default that does not match',
    'default: app',
    'default: APP',
    'INVALID_VALUE',
    'parameters.database.default',
    'APP',
    /\^\[a-z\]\+\$/,
  ],
  [
    'bounds that cross',
    'minimum: 1, maximum: 5',
    'minimum: 6, maximum: 5',
    'INVALID_VALUE',
    'parameters.replicas.minimum',
    '6,',
    /at most 5/,
  ],
  [
    'a bound of another type',
    'type: string, pattern',
    'type: string, minimum: 1, pattern',
    'INVALID_VALUE',
    'parameters.database.minimum',
    '1, pattern',
    /type string/,
  ],
  [
    'a pattern with look-ahead',
    '^[a-z]+$',
    '^(?=a)b$',
    'INVALID_VALUE',
    'parameters.database.pattern',
    '"^(?=a)b$"',
    /RE2/,
  ],
  [
    'a pattern of repetitions',
    '^[a-z]+$',
    heavyPattern,
    'INVALID_VALUE',
    'parameters.database.pattern',
    '"^a{1,900}',
    /repetitions/,
  ],
  [
    'a secret with a default',
    'secret: true, generate',
    'secret: true, default: hunter2hunter2, generate',
    'SECRET_EXPOSED',
    'parameters.password.default',
    'hunter2',
    /generate/,
  ],
  [
    'a scale that crosses',
    'min: 1, max: 5',
    'min: 6, max: 5',
    'INVALID_VALUE',
    'servers.replica.scale.min',
    '6, max',
    /at most 5/,
  ],
  [
    'deployments in a circle',
    'on: [primary, replica]',
    'on: [primary, replica]\n    after: [database]',
    'CYCLE',
    'deployments.database.after',
    '[database]',
    /circles/,
  ],
  [
    'a keyword as a parameter',
    '  database: { type',
    '  in: { type: string, default: x }\n  database: { type',
    'INVALID_NAME',
    'parameters.in',
    '{ type: string, default: x }',
    /another name/,
  ],
];

describe('references', () => {
  it.each(references)('refuses %s', (_what, piece, by, code, path, pointed, said) => {
    const { found, place, wanted } = refusalOf(piece, by, code, path, pointed);
    expect(found?.code).toBe(code);
    expect(place).toEqual(wanted);
    expect(`${found?.message} ${found?.expected}`).toMatch(said);
  });
});
