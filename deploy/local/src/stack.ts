import { startControlPlane } from './control-plane.ts';
import { openRun, raiseEngines, type RunOptions } from './engines.ts';
import { publicUrl } from './environment.ts';

export interface StackOptions {
  /** One process for each service. */
  readonly split: boolean;
  /** A simulated site with an enrolled agent. */
  readonly demo: boolean;
  /** PostgreSQL, NATS and Temporal, and nothing on them. */
  readonly enginesOnly: boolean;
}

/** What a person or a script is told of a running stack. It holds secrets: it goes to stdout and to files of mode 0600 only. */
export interface StackInfo {
  readonly url?: string;
  readonly databaseUrl: string;
  readonly natsUrl: string;
  readonly temporalAddress: string;
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
  await startControlPlane(engineRun, engines, options.split);
  return { info: { url: publicUrl(engineRun.ports), ...addresses }, lost: engineRun.children.lost };
}
