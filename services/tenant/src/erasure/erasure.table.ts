export interface ErasureTable {
  /** `user:usr_…` and the like. */
  subject: string;
  /** The organization; empty for everywhere. */
  within: string;
  asked_at: Date;
  next_at: Date;
}
