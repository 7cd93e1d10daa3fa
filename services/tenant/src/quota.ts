import { QuotaService } from '@truffle/api/billing/v1/plan_service';
import { onBehalfOf, type Caller } from '@truffle/kit';
import type { TenantParts } from './parts.ts';

/** Gives back what a resource that is gone held; the gate took it when the resource was made. */
export async function releaseQuota(
  parts: TenantParts,
  caller: Caller,
  quota: string,
  holder: string | null,
): Promise<void> {
  if (holder === null) return;
  await parts.peers
    .client('billing', QuotaService, onBehalfOf(caller))
    .releaseQuota({ orgId: caller.orgId, quota, holder });
}
