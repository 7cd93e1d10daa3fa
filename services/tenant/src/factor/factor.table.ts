import type { FactorKind } from '@truffle/api/tenant/v1/factor';
import type { Generated } from 'kysely';

export interface FactorTable {
  id: string;
  user_id: string;
  kind: FactorKind;
  name: string;
  sealed_seed: Buffer | null;
  /** Of an earlier release, until it is sealed anew. */
  old_sealed_seed: Buffer | null;
  last_step: Generated<string>;
  credential_id: string | null;
  public_key: Buffer | null;
  counter: Generated<string>;
  transports: Generated<string[]>;
  created_at: Date;
  confirmed_at: Date | null;
  last_used_at: Date | null;
}

export interface RecoveryCodeTable {
  user_id: string;
  sha256: Buffer;
}

export interface ChallengeTable {
  sha256: Buffer;
  kind: string;
  user_id: string | null;
  session_id: string | null;
  /** What an authenticator signs, in base64url. */
  webauthn: string;
  name: Generated<string>;
  attempts: Generated<number>;
  created_at: Date;
  expires_at: Date;
}
