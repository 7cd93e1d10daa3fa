import { newId } from '@truffle/ids';
import { testDatabase, type TestDatabase } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { billingMigrations } from '../migrations.ts';
import { planNamed } from '../plan/plan.ts';
import type { BillingTables } from '../tables.ts';
import { QuotaExceededError } from './quota.ts';
import { usedOf } from './quota.repo.ts';
import { consumeQuota, releaseQuota } from './quota.usecases.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await testDatabase([billingMigrations]);
});

afterAll(async () => {
  await database?.close();
});

const on = (plan: string) => ({
  database: database.open<BillingTables>('svc_billing'),
  defaultPlan: planNamed(plan),
  auditRetentionDays: 0,
});

describe('a quota', () => {
  it('is never overdrawn by many at the same time', async () => {
    const parts = on('trial');
    const orgId = newId('org');
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => consumeQuota(parts, orgId, 'clusters', `holder-${i}`, 1n)),
    );
    expect(outcomes.filter((o) => o.status === 'fulfilled')).toHaveLength(3);
    for (const each of outcomes) if (each.status === 'rejected') expect(each.reason).toBeInstanceOf(QuotaExceededError);
  });

  it('is taken once by one holder and free again when it is given back', async () => {
    const parts = on('trial');
    const orgId = newId('org');
    for (let i = 0; i < 5; i++) await consumeQuota(parts, orgId, 'agents', 'same', 1n);
    await expect(consumeQuota(parts, orgId, 'agents', 'other', 1n)).rejects.toBeInstanceOf(QuotaExceededError);
    await releaseQuota(parts, orgId, 'agents', 'same');
    await releaseQuota(parts, orgId, 'agents', 'same');
    await consumeQuota(parts, orgId, 'agents', 'other', 1n);
  });

  it('counts without a limit too, each organization for itself', async () => {
    const parts = on('self-hosted-unlimited');
    const orgId = newId('org');
    await consumeQuota(parts, orgId, 'servers', 'a', 70_000n);
    await consumeQuota(parts, orgId, 'servers', 'b', 5n);
    expect(await parts.database.tenant(orgId, (tx) => usedOf(tx, 'servers'))).toBe(70_005n);
    expect(await parts.database.tenant(newId('org'), (tx) => usedOf(tx, 'servers'))).toBe(0n);
  });
});
