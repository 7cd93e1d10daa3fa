import { create } from '@bufbuild/protobuf';
import { CommandOutputSchema, type Effect, Outcome } from '@truffle/api/agent/v1/command';
import type { CommandEnd, CommandRun } from '../command/effect.ts';
import type { PveSite } from './site.ts';

/** The end of a command that says where the server is and whether it runs. @throws PveError */
export async function placedEnd(
  site: PveSite,
  run: CommandRun,
  node: string,
  vmid: number,
  effect: Effect,
): Promise<CommandEnd> {
  const { running } = await site.api.status(node, vmid, run.signal);
  return {
    outcome: Outcome.SUCCEEDED,
    effect,
    output: create(CommandOutputSchema, { output: { case: 'placed', value: { node, vmid, running } } }),
  };
}
