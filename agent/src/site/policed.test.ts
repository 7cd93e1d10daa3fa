import { describe, expect, it } from 'vitest';
import { DecodedFailure } from '../command/failure.ts';
import { commandId, ensureServer, openFixture } from './site.fixture.ts';

describe('a site under a policy', () => {
  it('speaks to no server that the policy has no place for', async () => {
    const asked: string[] = [];
    await using fixture = await openFixture({}, '', (address) => {
      asked.push(address);
      throw new DecodedFailure({ reason: 'POLICY_VIOLATION', message: 'no', parameters: { rule: 'sshTargets' } });
    });
    const ran = await fixture.run(commandId(), ensureServer('web-0', 20_000));
    expect(ran.failure).toMatchObject({ reason: 'POLICY_VIOLATION', parameters: { rule: 'sshTargets' } });
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
  });

  it('says what the policy depends on: servers in its range, and storages of an image', async () => {
    await using fixture = await openFixture();
    await fixture.run(commandId(), ensureServer('web-0', 20_000));
    const { servers, storages } = await fixture.site.look('debian-12', AbortSignal.timeout(10_000));
    expect(servers).toEqual([20_000]);
    expect(storages.length).toBeGreaterThan(0);
    expect(fixture.site.ground).toEqual({ pool: 'truffle', storage: 'shared', bridges: { lan: 'vmbr0' } });
  });

  it('says in words why it could not look', async () => {
    await using fixture = await openFixture();
    await fixture.simulator.close();
    await expect(fixture.site.look('debian-12', AbortSignal.timeout(30_000))).rejects.toBeInstanceOf(DecodedFailure);
  });
});
