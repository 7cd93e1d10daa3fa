import type { CommandEnd, CommandHandler, CommandRun } from '../command/effect.ts';
import { DecodedFailure } from '../command/failure.ts';
import { runDeployment, type DeploySite } from '../guest/deploy.ts';
import { decodeGuest } from '../guest/failure.ts';
import { deleteServer } from '../pve/delete.ts';
import { ensureServer } from '../pve/ensure.ts';
import { decodePve } from '../pve/failure.ts';
import type { PveSite } from '../pve/site.ts';

type Op = CommandRun['payload']['op'];
type Case = NonNullable<Op['case']>;
type Spec<K extends Case> = Extract<Op, { case: K }>['value'];

/** The commands that a Proxmox VE site carries out. Failures are thrown decoded; a stop throws the signal's reason. */
export function handlersOf(pve: PveSite, guests: DeploySite): readonly CommandHandler[] {
  return [
    handler('ensureServer', (run, spec) => ensureServer(pve, run, spec)),
    handler('deleteServer', async (run, spec) => {
      const end = await deleteServer(pve, run, spec);
      guests.access.hostKeys.forget(spec.serverId);
      return end;
    }),
    handler('runDeployment', (run, spec) => runDeployment(guests, run, spec)),
  ];
}

function handler<K extends Case>(
  kind: K,
  effect: (run: CommandRun, spec: Spec<K>) => Promise<CommandEnd>,
): CommandHandler {
  return {
    kind,
    needsPermit: true,
    run: async (run) => {
      const { op } = run.payload;
      if (op.case !== kind) throw new DecodedFailure({ reason: 'UNSUPPORTED', message: `This is no ${kind} command.` });
      try {
        return await effect(run, op.value as Spec<K>);
      } catch (error) {
        run.signal.throwIfAborted();
        throw decodeGuest(decodePve(error));
      }
    },
  };
}
