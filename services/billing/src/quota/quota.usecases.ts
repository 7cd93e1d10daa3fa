import { limitOf } from '../plan/plan.ts';
import { planInForce } from '../plan/subscription.repo.ts';
import type { BillingParts } from '../parts.ts';
import { QuotaExceededError } from './quota.ts';
import { deleteHold, holds, insertHold, lockQuotas, usedOf } from './quota.repo.ts';

/** Takes `amount` of a quota for `holder`, once. @throws QuotaExceededError when less is left */
export async function consumeQuota(
  parts: BillingParts,
  orgId: string,
  quota: string,
  holder: string,
  amount: bigint,
): Promise<void> {
  await parts.database.tenant(orgId, async (tx) => {
    await lockQuotas(tx, orgId);
    if (await holds(tx, quota, holder)) return;
    const plan = await planInForce(tx, parts.defaultPlan);
    const limit = limitOf(plan, quota);
    const used = limit === undefined ? 0n : await usedOf(tx, quota);
    if (limit !== undefined && used + amount > BigInt(limit))
      throw new QuotaExceededError({ orgId, quota, plan: plan.name, limit, used, amount });
    await insertHold(tx, { org_id: orgId, quota, holder, amount: String(amount) });
  });
}

/** Gives back what `holder` took; nothing when it holds nothing. */
export async function releaseQuota(parts: BillingParts, orgId: string, quota: string, holder: string): Promise<void> {
  await parts.database.tenant(orgId, (tx) => deleteHold(tx, quota, holder));
}
