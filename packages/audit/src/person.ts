import { createHash } from 'node:crypto';
import { canonicalJson } from './canonical.ts';

/** What is personal about who did something. It is kept beside the chain, so that it can be erased. */
export interface PersonalData {
  readonly name: string | null;
  /** Address that the call came from. */
  readonly address: string | null;
  readonly user_agent: string | null;
}

/**
 * The commitment that an event carries to its actor's personal data. Without the salt it tells nothing, not even by trying every
 * address; so removing salt and data erases the person, and the chain stays whole.
 */
export const personOf = (salt: Buffer, subject: string, data: PersonalData): string =>
  createHash('sha256')
    .update('truffle/person\n')
    .update(salt)
    .update(canonicalJson({ subject, name: data.name, address: data.address, user_agent: data.user_agent }))
    .digest('base64url');
