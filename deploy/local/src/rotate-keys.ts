import { spawn } from 'node:child_process';
import { cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { programEnvironment } from '@truffle/config';
import { UsageError } from './command-line.ts';
import { kekFolder } from './environment.ts';
import { installationFolder } from './installation.ts';
import { checkout, defaultStateFolder, openStateFolder } from './state-folder.ts';
import { currentSupervisor } from './supervisor-record.ts';

/**
 * `npm run rotate-keys`: makes the next key-encryption key, gives it to the processes that run, and has everything sealed anew under it while
 * they serve. With `resume` it goes on with the newest key. Answers the exit code. @throws UsageError when nothing runs here
 */
export async function rotateKeys(resume: boolean): Promise<number> {
  const folder = openStateFolder(defaultStateFolder(process.env));
  const info = currentSupervisor(folder)?.info;
  if (info === undefined) throw new UsageError('it does not run here, or is not ready: npm start begins it');
  const installation = installationFolder(folder);
  const keks = join(installation, 'key-encryption-keys');
  const env = {
    ...programEnvironment(process.env),
    TRUFFLE_KEK_DIR: keks,
    TRUFFLE_DATABASE_URL: info.databaseUrl,
    TRUFFLE_DATABASE_PASSWORDS_DIR: join(installation, 'database-passwords'),
  };
  if (!resume) {
    const code = await run('add-key', env);
    if (code !== 0) return code;
  }
  for (const name of ['all-in-one', 'tenant'] as const) {
    const own = kekFolder(folder, name);
    if (existsSync(own)) cpSync(keks, own, { recursive: true });
  }
  return run('run', env);
}

async function run(verb: string, env: NodeJS.ProcessEnv): Promise<number> {
  const program = join(checkout, 'services', 'tenant', 'src', 'secret', 'rotate.ts');
  const child = spawn(process.execPath, [program, verb], { env, stdio: ['ignore', 'inherit', 'inherit'] });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}
