import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { fetchManifest } from '../release/fetch.ts';
import { compareVersions } from '../release/version-order.ts';
import { failed, ok, reasonOf, skipped, warning, type Check } from './check.ts';

const unit = 'truffle-agent.service';
const withinMs = 5_000;
/** More starts than an update and a reboot make. */
const manyStarts = 5;

/** What systemd says of the unit. */
export async function checkUnit(systemctl = 'systemctl'): Promise<Check> {
  let said: string;
  try {
    const properties = 'LoadState,ActiveState,SubState,UnitFileState,NRestarts,ExecMainStatus,Result';
    ({ stdout: said } = await promisify(execFile)(systemctl, ['show', unit, `--property=${properties}`], {
      timeout: withinMs,
    }));
  } catch (error) {
    return skipped('unit', `systemd was not asked (${reasonOf(error)})`);
  }
  const is = Object.fromEntries(said.split('\n').map((line) => line.split(/=(.*)/s, 2)));
  if (is['LoadState'] !== 'loaded') return skipped('unit', 'the agent is not installed as a unit here');
  const logs = 'journalctl -u truffle-agent -n 50 says why.';
  if (is['ActiveState'] === 'failed' || is['SubState'] === 'auto-restart')
    return failed('unit', `it does not stay up (${is['Result']}, exit code ${is['ExecMainStatus']})`, logs);
  if (is['ActiveState'] !== 'active')
    return failed('unit', `it is ${is['ActiveState']}`, 'systemctl enable --now truffle-agent');
  if (is['UnitFileState'] !== 'enabled')
    return warning('unit', 'it runs, and will not after a reboot', 'systemctl enable truffle-agent');
  if (Number(is['NRestarts']) >= manyStarts)
    return warning('unit', `it runs, and was started anew ${is['NRestarts']} times`, logs);
  return ok('unit', `${is['ActiveState']} (${is['SubState']})`);
}

/** This version beside the newest that the control plane has. */
export async function checkRelease(server: string | undefined, version: string, keyFile: string): Promise<Check> {
  if (server === undefined) return skipped('release', 'the control plane is not known');
  if (keyFile === '' || !existsSync(keyFile))
    return skipped('release', `${version}; no release key is installed, so no release is looked for`);
  try {
    const newest = await fetchManifest(server, readFileSync(keyFile, 'utf8'));
    if (compareVersions(version, newest.version) >= 0) return ok('release', `${version} is the newest`);
    const remedy = 'Run install.sh of the control plane again, or let it update itself.';
    return warning('release', `${version}; ${newest.version} of ${newest.date.slice(0, 10)} is there`, remedy);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'MANIFEST_INVALID')
      return failed('release', error.message, 'Install nothing from there before it is explained.');
    return warning('release', `${version}; the newest is not known (${reasonOf(error)})`, 'See origin above.');
  }
}
