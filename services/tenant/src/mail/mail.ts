/** What mails are about. */
export type MailKind =
  | 'sign_up'
  | 'verify'
  | 'reset'
  | 'invitation'
  | 'address_change'
  | 'address_keep'
  | 'address_changed'
  | 'password_changed'
  | 'new_device'
  | 'impersonated'
  | 'factor_added'
  | 'factor_removed'
  | 'recovery_codes'
  | 'account_deleted';

/** A mail that is to be sent once the transaction is committed. */
export interface NewMail {
  readonly kind: MailKind;
  readonly email: string;
  /** Id of what it is about; empty where that is found by the address when it is sent. */
  readonly subject: string;
  /** What its text speaks of; never a secret. */
  readonly parameters?: Readonly<Record<string, string>>;
}

/** How long a mail is tried to be sent: what it carries is of no use later. */
export const mailLifetimeMs = 24 * 60 * 60_000;
/** How long what is sent or given up is kept, for whoever looks into a mail that did not come. */
export const mailKeepMs = 7 * 24 * 60 * 60_000;
export const mostAttempts = 12;
const firstPauseMs = 5_000;
const longestPauseMs = 60 * 60_000;

/** How long to wait after the failed attempt number `attempt`: exponential with full jitter. `random` is 0 to 1. */
export const retryPauseMs = (attempt: number, random: number): number =>
  Math.ceil(random * Math.min(longestPauseMs, firstPauseMs * 2 ** attempt));
