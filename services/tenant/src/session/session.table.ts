export interface SessionTable {
  id: string;
  user_id: string;
  secret_sha256: Buffer;
  /** The token before a proof gave another, until when it is good, and when the person had last proved who they are under it; null for none. */
  previous_sha256: Buffer | null;
  previous_until: Date | null;
  previous_authenticated_at: Date | null;
  created_at: Date;
  expires_at: Date;
  last_seen_at: Date;
  ended_at: Date | null;
  /** Address and program that it was opened from; empty when not known. */
  address: string;
  user_agent: string;
  /** When the person last proved who they are. */
  authenticated_at: Date;
  /** The organization that it is for alone, with the connection and link that opened it; null for one that the person opened themselves. */
  confined_to: string | null;
  connection_id: string | null;
  identity_id: string | null;
  /** Who acts as the person in it, by which session of theirs; null for the person's own. */
  acting_id: string | null;
  acting_session_id: string | null;
}
