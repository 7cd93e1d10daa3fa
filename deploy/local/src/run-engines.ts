import { startEngines } from './engines.ts';

/** `engines`: the three engines alone in a state folder, until a signal. Answers the exit code. */
export async function runEngines(stateDir: string, json: boolean): Promise<number> {
  const ending = Promise.withResolvers<undefined>();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => ending.resolve(undefined));
  const engines = await startEngines({ stateDir });
  const { databaseUrl, natsUrl, temporalAddress, temporalNamespace } = engines;
  const info = { databaseUrl, natsUrl, temporalAddress, temporalNamespace };
  process.stdout.write(json ? `${JSON.stringify(info)}\n` : `${Object.values(info).join('\n')}\n`);
  const lost = await Promise.race([engines.lost, ending.promise]);
  await engines.stop();
  if (lost !== undefined) throw lost;
  return 0;
}
