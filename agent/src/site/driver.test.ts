import { expect, it } from 'vitest';
import { driverKinds, requireComplete } from './driver.ts';

it('does not start with a driver that lacks a kind of command', () => {
  const nothing = () => Promise.reject(new Error('not called'));
  const effects = Object.fromEntries(driverKinds().map((kind) => [kind, nothing]));
  expect(() => requireComplete({ kind: 'half', effects })).not.toThrow();
  const { migrateServer: _, ...rest } = effects;
  expect(() => requireComplete({ kind: 'half', effects: rest })).toThrow(
    'The driver half has no effect for: migrateServer.',
  );
});
