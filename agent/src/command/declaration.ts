import { Effect, Outcome, type CommandPayload } from '@truffle/api/agent/v1/command';
import type { Declaration } from '../journal/declared.ts';
import type { CommandEnd } from './effect.ts';

type Kind = CommandPayload['op']['case'];

/** Kinds after which a server that was to run still is. */
const staying: ReadonlySet<Kind> = new Set<Kind>([
  'runDeployment',
  'snapshotServer',
  'deleteSnapshot',
  'resizeServer',
  'migrateServer',
  // Runs afterwards if it ran before; one that was to run and did not is still to run.
  'rollbackServer',
]);

/** What the end of a command says of its server. A kind that is not known to leave it running ends that, unless it had no effect. */
export function declarationOf(kind: Kind, { outcome, effect }: CommandEnd): Declaration | undefined {
  if (kind === 'ensureServer') return outcome === Outcome.SUCCEEDED ? 'runs' : undefined;
  if (kind === 'startServer') return outcome === Outcome.SUCCEEDED ? 'starts' : undefined;
  // Also of one that stood still already: whoever asked wants it so.
  if (kind === 'stopServer') return outcome === Outcome.SUCCEEDED || effect !== Effect.NONE ? 'rests' : undefined;
  if (staying.has(kind)) return outcome === Outcome.SUCCEEDED ? 'stays' : undefined;
  return effect === Effect.NONE ? undefined : 'ends';
}
