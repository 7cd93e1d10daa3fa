import { expect, it } from 'vitest';
import { type Driver, driverKinds, requireComplete } from './driver.ts';

it('does not start with a driver that lacks a kind of command', () => {
  const nothing = () => Promise.reject(new Error('not called'));
  const effects = Object.fromEntries(driverKinds().map((kind) => [kind, nothing]));
  const driver = { kind: 'half', effects } as unknown as Driver;
  expect(() => requireComplete(driver)).not.toThrow();
  const { migrateServer: _, ...rest } = effects;
  expect(() => requireComplete({ ...driver, effects: rest } as unknown as Driver)).toThrow(
    'The driver half has no effect for: migrateServer.',
  );
});
