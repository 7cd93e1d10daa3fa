import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cutPower, findProcess, listMachines } from '@truffle/qemu';
import { ensureImage, ownShop, whyNoGuests } from '@truffle/qemu/images';
import type { CommandPayload } from '@truffle/api/agent/v1/command';
import { type AgentFixture, openAgent, type RunOptions } from './agent.fixture.ts';

/** Why tests with real guests are skipped here; undefined when they run. */
export const noGuests = whyNoGuests();

/** Time to build an image that is in no cache, in milliseconds. */
export const buildMs = 300_000;
/** Time for a guest to boot where others are at work as well, in milliseconds. */
export const guestMs = 240_000;

/** An agent on a site of real guests. Ends every machine that the test left. */
export interface QemuFixture extends AgentFixture {
  /** Holds a folder for each machine. */
  readonly machines: string;
}

/** The image that boots in seconds, from the cache or built now. @returns the file that describes it */
export const fastImage = (): Promise<string> => ensureImage('fast', ownShop);

/** @param images by name, the file that describes each @param yaml lines that are added to the site's config */
export async function openQemuFixture(images: Readonly<Record<string, string>>, yaml = ''): Promise<QemuFixture> {
  const machines = mkdtempSync(join(tmpdir(), 'truffle-vm-'));
  const agent = await openAgent((_dataFolder, configFile) => {
    const waits = yaml.includes('waits:') ? '' : 'waits: { shutdownSeconds: 5, sshSeconds: 240 }\n';
    writeFileSync(
      configFile,
      `driver: qemu
folder: ${machines}
vmids: 20000-20099
images: ${JSON.stringify(Object.fromEntries(Object.entries(images).map(([name, path]) => [name, { path }])))}
networks: { lan: { first: 10.99.0.10, prefix: 24 } }
${waits}${yaml}`,
    );
  });
  return Object.defineProperties(
    { machines },
    {
      ...Object.getOwnPropertyDescriptors(agent),
      run: {
        value: (id: string, payload: CommandPayload, options: RunOptions = {}) =>
          agent.run(id, payload, { signal: AbortSignal.timeout(guestMs), ...options }),
      },
      [Symbol.asyncDispose]: {
        value: async () => {
          await agent[Symbol.asyncDispose]();
          for (const name of listMachines(machines)) await cutPower(join(machines, name));
          rmSync(machines, { recursive: true, force: true });
        },
      },
    },
  ) as QemuFixture;
}

/** Numbers of the machines whose processes run. */
export const running = ({ machines }: QemuFixture): readonly number[] =>
  listMachines(machines)
    .filter((name) => findProcess(join(machines, name)) !== undefined)
    .map(Number);
