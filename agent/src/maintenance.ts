import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { getAsset, isSea } from 'node:sea';
import { installScriptName } from './licenses.ts';
import { UsageError } from './usage-error.ts';

/**
 * Looks for what can be wrong, and prints it.
 * @param json each check as it is, in one line
 * @returns whether nothing is wrong; what is only to be looked at does not count
 */
export async function doctor(
  input: import('./doctor/doctor.ts').DoctorInput,
  json: boolean,
  print: (text: string) => void,
): Promise<boolean> {
  const [{ examine }, { describeChecks }] = await Promise.all([
    import('./doctor/doctor.ts'),
    import('./doctor/check.ts'),
  ]);
  const checks = await examine(input);
  const healthy = checks.every(({ state }) => state !== 'failed');
  print(json ? JSON.stringify({ healthy, checks }) : describeChecks(checks));
  return healthy;
}

/** Looks whether a release's manifest is signed by a key, and prints what it is. @throws ManifestInvalid */
export async function verifyRelease(
  { manifest, key }: { readonly manifest: string | undefined; readonly key: string | undefined },
  print: (text: string) => void,
): Promise<void> {
  if (manifest === undefined || key === undefined)
    throw new UsageError('say --manifest FILE (its signature beside it, FILE.sig) and --key FILE');
  const { verifiedManifest } = await import('./release/manifest.ts');
  const { version, channel, date } = verifiedManifest(
    readFileSync(manifest),
    readFileSync(`${manifest}.sig`),
    readFileSync(key, 'utf8'),
  );
  print(`${version} (${channel}) of ${date}`);
}

/** Removes the installed agent as install.sh does, which is in this program: no network is needed. @returns its exit code */
export async function uninstall(yes: boolean): Promise<number> {
  const script = isSea()
    ? getAsset(installScriptName, 'utf8')
    : readFileSync(join(import.meta.dirname, installScriptName), 'utf8');
  const args = ['-s', '--', '--uninstall', ...(yes ? ['--yes'] : [])];
  const child = spawn('sh', args, { stdio: ['pipe', 'inherit', 'inherit'] });
  child.stdin.end(script);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}
