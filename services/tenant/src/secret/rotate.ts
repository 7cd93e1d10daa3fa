import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readSettings, SettingError, text } from '@truffle/config';
import { Database } from '@truffle/database';
import { addFileKey, EnvelopeError, fileKeys } from '@truffle/envelope';
import { hostSettings, readHostFile } from '@truffle/kit';
import { readRotation, rotate, type RotationParts, type RotationState } from './secret.rotation.ts';

const help = `Changes the keys of what is sealed in the database; see docs/security/secrets.md.

  node services/tenant/src/secret/rotate.ts status | add-key | run

Reads TRUFFLE_KEK_DIR, and but for add-key TRUFFLE_DATABASE_URL and TRUFFLE_DATABASE_PASSWORDS_DIR (its file svc_key_rotation).
add-key makes the next key-encryption key in TRUFFLE_KEK_DIR: copy it to every tenant service before run. run puts everything under
the newest one while services serve; ended at any point, run it again.`;

const role = 'svc_key_rotation';
const { databaseUrl, databasePasswords } = hostSettings;
const kekFolder = text('TRUFFLE_KEK_DIR', 'folder with the key-encryption keys');

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function withDatabase(work: (parts: RotationParts) => Promise<RotationState>): Promise<void> {
  const settings = readSettings({ databaseUrl, databasePasswords, kekFolder }, process.env, readHostFile);
  const password = readHostFile(join(settings.databasePasswords, role)).trim();
  const database = new Database<unknown>({ url: settings.databaseUrl, role, password, connections: 2 });
  try {
    const state = await work({ database, keks: fileKeys(settings.kekFolder), tell: say });
    say(`newest key-encryption key: ${state.newest}`);
    for (const [id, count] of Object.entries(state.dataKeys)) say(`${id} wraps ${count} data keys`);
  } finally {
    await database.close();
  }
}

async function step(verb: string | undefined): Promise<boolean> {
  switch (verb) {
    case 'status':
      await withDatabase(readRotation);
      return true;
    case 'run':
      await withDatabase(rotate);
      return true;
    case 'add-key':
      say(addFileKey(readSettings({ kekFolder }, process.env, readHostFile).kekFolder));
      return true;
    default:
      return false;
  }
}

try {
  const { positionals } = parseArgs({ allowPositionals: true });
  if (!(await step(positionals[0]))) {
    say(help);
    process.exitCode = 2;
  }
} catch (error) {
  if (!(error instanceof EnvelopeError || error instanceof SettingError)) throw error;
  process.stderr.write(`rotate: ${error.message}\n`);
  process.exitCode = 1;
}
