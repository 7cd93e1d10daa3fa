/** Sign-ups that wait for their address to be verified. */
export interface SignUpTable {
  id: string;
  /** In lower case. */
  email: string;
  name: string;
  password_hash: string;
  org_name: string;
  created_at: Date;
  expires_at: Date;
}
