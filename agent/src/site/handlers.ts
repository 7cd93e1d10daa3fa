import type { CommandEnd, CommandHandler, CommandRun } from '../command/effect.ts';
import { DecodedFailure } from '../command/failure.ts';
import type { SiteDeps } from '../command/site.ts';
import type { DeploySite } from '../guest/deploy.ts';
import { decodeGuest } from '../guest/failure.ts';
import { collectOrphans } from '../pve/collect.ts';
import { deleteServer } from '../pve/delete.ts';
import { ensureServer } from '../pve/ensure.ts';
import { decodePve } from '../pve/failure.ts';
import { importImage } from '../pve/image.ts';
import { migrateServer } from '../pve/migrate.ts';
import { startServer, stopServer } from '../pve/power-command.ts';
import { resizeServer } from '../pve/resize.ts';
import { rollbackServer } from '../pve/rollback.ts';
import { deleteSnapshot, snapshotServer } from '../pve/snapshot.ts';
import type { PveSite } from '../pve/site.ts';

type Op = CommandRun['payload']['op'];
type Case = NonNullable<Op['case']>;
type Spec<K extends Case> = Extract<Op, { case: K }>['value'];

/** The commands that a Proxmox VE site carries out. Failures are thrown decoded; a stop throws the signal's reason. */
export function handlersOf(
  pve: PveSite,
  guests: DeploySite,
  { orgId, mayRemove, sealing }: Pick<SiteDeps, 'orgId' | 'mayRemove' | 'sealing'>,
): readonly CommandHandler[] {
  const collector = { orgId, mayRemove };
  return [
    handler('ensureServer', (run, spec) => ensureServer(pve, run, spec)),
    handler('deleteServer', async (run, spec) => {
      const end = await deleteServer(pve, run, spec);
      guests.access.hostKeys.forget(spec.serverId);
      return end;
    }),
    handler('snapshotServer', (run, spec) => snapshotServer(pve, run, spec)),
    handler('rollbackServer', (run, spec) => rollbackServer(pve, run, spec)),
    handler('deleteSnapshot', (run, spec) => deleteSnapshot(pve, run, spec)),
    handler('resizeServer', (run, spec) => resizeServer(pve, run, spec)),
    handler('migrateServer', (run, spec) => migrateServer(pve, run, spec)),
    handler('startServer', (run, spec) => startServer(pve, run, spec)),
    handler('stopServer', (run, spec) => stopServer(pve, run, spec)),
    handler('importImage', (run, spec) => importImage(pve, run, spec)),
    handler('collectOrphans', (run, spec) => collectOrphans(pve, collector, run, spec)),
    handler('runDeployment', async (run, spec) => {
      // Loaded at the first deployment: the template language is a quarter of what the agent would hold at rest.
      const { runDeployment } = await import('../guest/deploy.ts');
      return runDeployment(guests, run, spec);
    }),
    handler(
      'revealOutputs',
      async (run, spec) => {
        const { revealOutputs } = await import('../guest/reveal.ts');
        return revealOutputs({ secrets: guests.secrets, sealingKey: sealing.current.privateKey }, run, spec);
      },
      false,
    ),
  ];
}

function handler<K extends Case>(
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
        throw decodeGuest(decodePve(error));
      }
    },
  };
}
