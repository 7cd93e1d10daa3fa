export interface UserTable {
  id: string;
  /** In lower case. */
  email: string;
  name: string;
  locale: string;
  password_hash: string;
  home_org_id: string;
  created_at: Date;
}

export interface SessionTable {
  id: string;
  user_id: string;
  secret_sha256: Buffer;
  created_at: Date;
  expires_at: Date;
  last_seen_at: Date;
  ended_at: Date | null;
}

export interface SignInAttemptTable {
  name: string;
  failures: number;
  since: Date;
}
