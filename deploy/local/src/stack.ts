import { bundledAgent } from './agent-program.ts';
import { builtConsole } from './console-pages.ts';
import { startControlPlane } from './control-plane.ts';
import { startDemoAgent, startSimulator, type SimulatorInfo } from './demo.ts';
import { openRun, raiseEngines, type RunOptions } from './engines.ts';
import { publicUrl, shapeOf } from './environment.ts';
import { handOutKeys, migrateDatabase } from './installation.ts';
import { ensureOwner } from './seed.ts';

export interface StackOptions {
  /** One process for each service. */
  readonly split: boolean;
  /** A simulated site with an enrolled agent. */
  readonly demo: boolean;
  /** What carries the site's guests: `scripted`, or a kind of real ones. */
  readonly guests: string;
  /** PostgreSQL, NATS and Temporal, and nothing on them. */
  readonly enginesOnly: boolean;
}

/** What a person or a script is told of a running stack. It holds secrets: it goes to stdout and to files of mode 0600 only. */
export interface StackInfo {
  readonly url?: string;
  readonly login?: { readonly email: string; readonly password: string };
  readonly orgId?: string;
  readonly projectId?: string;
  readonly apiKey?: string;
  readonly databaseUrl: string;
  readonly natsUrl: string;
  readonly temporalAddress: string;
  readonly agentId?: string;
  readonly simulator?: Pick<SimulatorInfo, 'url' | 'tokenId' | 'tokenSecret' | 'caFile'>;
}

export interface Stack {
  readonly info: StackInfo;
  /** Resolves with the reason when a part ends by itself. */
  readonly lost: Promise<Error>;
}

/** Starts everything. Whatever was started is ended by `onOpen`'s closer, which is told before the first start. */
export async function startStack(
  run: RunOptions,
  options: StackOptions,
  onOpen: (close: () => Promise<void>) => void,
): Promise<Stack> {
  const engineRun = await openRun(run);
  onOpen(engineRun.close);
  const engines = await raiseEngines(engineRun);
  const addresses = {
    databaseUrl: engines.databaseUrl,
    natsUrl: engines.natsUrl,
    temporalAddress: engines.temporalAddress,
  };
  if (options.enginesOnly) return { info: addresses, lost: engineRun.children.lost };
  const url = publicUrl(engineRun.ports);
  const preparing = options.demo
    ? Promise.all([startSimulator(engineRun, options.guests), bundledAgent(run.signal)])
    : undefined;
  // Its failure is told when it is asked for, below.
  preparing?.catch(() => {});
  const building = builtConsole(run.signal);
  building.catch(() => {});
  handOutKeys(engineRun.folder, shapeOf(options.split));
  await migrateDatabase(engineRun.folder, engines.databaseUrl, run.signal);
  await startControlPlane(engineRun, engines, options.split, await building);
  const owner = await ensureOwner(engineRun.folder, url);
  const info = {
    url,
    login: { email: owner.email, password: owner.password },
    orgId: owner.orgId,
    projectId: owner.projectId,
    apiKey: owner.apiKey,
    ...addresses,
  };
  const prepared = await preparing;
  if (prepared === undefined) return { info, lost: engineRun.children.lost };
  const [simulator, program] = prepared;
  const agentId = await startDemoAgent(engineRun, program, url, owner, simulator);
  const { url: siteUrl, tokenId, tokenSecret, caFile } = simulator;
  return {
    info: { ...info, agentId, simulator: { url: siteUrl, tokenId, tokenSecret, caFile } },
    lost: engineRun.children.lost,
  };
}
