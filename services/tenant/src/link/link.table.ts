export interface LinkTable {
  sha256: Buffer;
  kind: string;
  /** Id of the user, sign-up or invitation that it is for. */
  subject: string;
  /** Address that it went to, in lower case. */
  email: string;
  mail_id: string;
  created_at: Date;
  expires_at: Date;
}
