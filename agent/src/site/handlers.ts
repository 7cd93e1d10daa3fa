import type { CommandEnd, CommandHandler, CommandRun } from '../command/effect.ts';
import { DecodedFailure } from '../command/failure.ts';
import type { SiteDeps } from '../command/site.ts';
import type { DeploySite } from '../guest/deploy.ts';
import { decodeGuest } from '../guest/failure.ts';
import { type Driver, type DriverKind, driverKinds, requireComplete, type Kind, type Spec } from './driver.ts';

/**
 * The commands that a site carries out: those of its driver, and those on servers. Failures are thrown decoded; a stop throws the signal's reason.
 * @throws DriverIncomplete
 */
export function handlersOf(
  driver: Driver,
  guests: DeploySite,
  { sealing }: Pick<SiteDeps, 'sealing'>,
): readonly CommandHandler[] {
  requireComplete(driver);
  const { decode, effects } = driver;
  const own = driverKinds().map((kind) =>
    handler(decode, kind as DriverKind, async (run, spec) => {
      // Each effect takes what its own kind says, and `handler` has looked at the kind.
      const effect = effects[kind as DriverKind] as (run: CommandRun, spec: Spec<DriverKind>) => Promise<CommandEnd>;
      const end = await effect(run, spec);
      // The number may be another server's soon.
      if (run.payload.op.case === 'deleteServer') guests.access.hostKeys.forget(run.payload.op.value.serverId);
      return end;
    }),
  );
  return [
    ...own,
    handler(decode, 'runDeployment', async (run, spec) => {
      // Loaded at the first deployment: the template language is a quarter of what the agent would hold at rest.
      const { runDeployment } = await import('../guest/deploy.ts');
      return runDeployment(guests, run, spec);
    }),
    handler(
      decode,
      'revealOutputs',
      async (run, spec) => {
        const { revealOutputs } = await import('../guest/reveal.ts');
        return revealOutputs({ secrets: guests.secrets, sealingKey: sealing.current.privateKey }, run, spec);
      },
      false,
    ),
  ];
}

function handler<K extends Kind>(
  decode: Driver['decode'],
  kind: K,
  effect: (run: CommandRun, spec: Spec<K>) => Promise<CommandEnd>,
  needsPermit = true,
): CommandHandler {
  return {
    kind,
    needsPermit,
    run: async (run) => {
      const { op } = run.payload;
      if (op.case !== kind) throw new DecodedFailure({ reason: 'UNSUPPORTED', message: `This is no ${kind} command.` });
      try {
        return await effect(run, op.value as Spec<K>);
      } catch (error) {
        run.signal.throwIfAborted();
        throw decodeGuest(decode(error));
      }
    },
  };
}
