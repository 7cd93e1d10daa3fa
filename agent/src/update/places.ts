import { join } from 'node:path';

/** Where an update lies while it comes and while it is tried. */
export interface UpdatePlaces {
  /** Programs by version, with the links `current` (what the unit runs) and `confirmed` (what was ready last); root's. */
  readonly programs: string;
  /** What root remembers of updates; root's. */
  readonly memory: string;
  /** What the agent brought and asks to have put in; the agent's. */
  readonly staged: string;
  /** Written by the running agent once it is ready: its version. */
  readonly readyFile: string;
  /** The key that releases are signed with; root's. */
  readonly releaseKey: string;
}

export const programName = 'truffle-agent';
/** Links in `programs`. */
export const links = { current: 'current', confirmed: 'confirmed' } as const;
/** Files in `staged`. The last one asks for the update, so it is written last. */
export const stagedFiles = {
  manifest: 'manifest',
  signature: 'manifest.sig',
  program: 'program.gz',
  ask: 'ask',
} as const;
/** Files in `memory`. `trying` is there from before the first change until the end. */
export const memoryFiles = { trying: 'trying', record: 'record.json' } as const;

/** Where install.sh has them. */
export const installedPlaces = (dataFolder: string): UpdatePlaces => ({
  programs: '/usr/local/lib/truffle-agent',
  memory: '/var/lib/truffle-agent-update',
  staged: join(dataFolder, 'update'),
  readyFile: '/run/truffle-agent/ready',
  releaseKey: '/etc/truffle-agent/release.pub',
});
