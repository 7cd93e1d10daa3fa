import { join } from 'node:path';
import { chooseAccel, findQemu, listMachines, placesOf, readRecord, withGuestAgent } from '@truffle/qemu';
import { guestCache, whyNoGuests } from '@truffle/qemu/images';

const scriptMs = 60_000;

/**
 * Runs a script as root on a real guest.
 * @param machines the folder of machines that its own is in
 * @param name host name that it was made with
 * @returns what it printed
 * @throws Error when there is no such machine, or when the script ends with another status than 0
 */
export async function onGuest(machines: string, name: string, script: string): Promise<string> {
  const folder = listMachines(machines)
    .map((each) => join(machines, each))
    .find((each) => readRecord(each)?.spec.name === name);
  if (folder === undefined) throw new Error(`there is no machine for ${name}`);
  const signal = AbortSignal.timeout(scriptMs);
  const ran = await withGuestAgent(placesOf(folder).agent, (guest) => guest.run('/bin/sh', ['-c', script], signal));
  if (ran.code !== 0) throw new Error(`${script} on ${name}: ${ran.code} ${ran.stdout}${ran.stderr}`);
  return ran.stdout;
}

/** Why what is heavy on real guests is left to the nightly lane: under translation it takes many minutes. Undefined when it runs. */
export async function whyNotHeavy(): Promise<string | undefined> {
  if (process.env['TRUFFLE_NIGHTLY'] !== undefined || whyNoGuests() !== undefined) return undefined;
  const { accel } = await chooseAccel(findQemu(), guestCache());
  return accel === 'tcg' ? 'for the nightly lane: set TRUFFLE_NIGHTLY=1' : undefined;
}
