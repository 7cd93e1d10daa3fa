export interface UserTable {
  id: string;
  /** In lower case. */
  email: string;
  name: string;
  locale: string;
  password_hash: string;
  email_verified_at: Date | null;
  home_org_id: string;
  /** The organization whose connection made the account; null for one that its person made. */
  made_by: string | null;
  created_at: Date;
}

export interface SignInAttemptTable {
  name: string;
  failures: number;
  since: Date;
}
