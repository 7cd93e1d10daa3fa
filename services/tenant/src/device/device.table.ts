export interface DeviceLoginTable {
  device_sha256: Buffer;
  user_code_sha256: Buffer;
  /** Where it was asked from, and by what program. */
  address: string;
  user_agent: string;
  interval_seconds: number;
  polled_at: Date | null;
  /** Who approved, and what their session is for. */
  user_id: string | null;
  confined_to: string | null;
  connection_id: string | null;
  identity_id: string | null;
  authenticated_at: Date | null;
  /** 0 waits, 1 approved, 2 refused. */
  state: number;
  created_at: Date;
  expires_at: Date;
}
