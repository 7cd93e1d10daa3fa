import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** `$TRUFFLE_CACHE_DIR`, else `truffle` in the XDG cache folder. Shared by all checkouts of a user. */
export const cacheFolder = (env: NodeJS.ProcessEnv): string =>
  resolve(
    env['TRUFFLE_CACHE_DIR'] || join(env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache'), 'truffle'),
  );
