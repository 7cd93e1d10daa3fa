export interface LinkedIdentityTable {
  org_id: string;
  id: string;
  connection_id: string;
  issuer: string;
  /** The person's id at the issuer. */
  subject: string;
  user_id: string;
  created_at: Date;
  last_used_at: Date;
}

export interface SignInFlowTable {
  state_sha256: Buffer;
  /** Of what the browser that began keeps. */
  binding_sha256: Buffer;
  /** Nonce and PKCE verifier. */
  sealed_secrets: Buffer;
  connection_id: string;
  connection_revision: string;
  /** Who links; null for a sign-in. */
  user_id: string | null;
  fresh: boolean;
  created_at: Date;
  expires_at: Date;
}
