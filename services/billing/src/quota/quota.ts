/** What was asked of a quota that has less left. */
export interface QuotaRefusal {
  readonly orgId: string;
  readonly quota: string;
  readonly plan: string;
  readonly limit: number;
  readonly used: bigint;
  readonly amount: bigint;
}

/** An organization's plan has not that much left. */
export class QuotaExceededError extends Error {
  override readonly name = 'QuotaExceededError';
  readonly code = 'QUOTA_EXCEEDED';
  readonly refusal: QuotaRefusal;
  constructor(refusal: QuotaRefusal) {
    super(
      `the plan ${refusal.plan} allows ${refusal.limit} of ${refusal.quota}, ${refusal.used} are in use and ${refusal.amount} more were asked for`,
    );
    this.refusal = refusal;
  }
}
