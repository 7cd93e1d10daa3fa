import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';

/**
 * What an address says of TLS, in libpq's words: `sslmode=verify-full` with the authority in the file `sslrootcert`, else those that Node trusts. Less
 * than that would encrypt to whoever answers.
 * @throws TypeError for another mode than `disable` and `verify-full`
 */
export function tlsOf(url: URL): ConnectionOptions | false {
  const mode = url.searchParams.get('sslmode') ?? 'disable';
  if (mode === 'disable') return false;
  if (mode !== 'verify-full')
    throw new TypeError(`the database address says sslmode=${mode}: it may be verify-full, or disable`);
  const authority = url.searchParams.get('sslrootcert');
  return { minVersion: 'TLSv1.2', ...(authority === null ? {} : { ca: readFileSync(authority) }) };
}
