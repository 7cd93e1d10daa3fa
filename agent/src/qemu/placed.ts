import { create } from '@bufbuild/protobuf';
import { CommandOutputSchema, type Effect, Outcome } from '@truffle/api/agent/v1/command';
import { findProcess } from '@truffle/qemu';
import type { CommandEnd } from '../command/effect.ts';
import type { Here } from './locate.ts';
import type { QemuSite } from './site.ts';

/** The end of a command that says where the server is and whether it runs. */
export function placedEnd(site: QemuSite, { folder, vmid }: Here, effect: Effect): CommandEnd {
  const value = { node: site.node, vmid, running: findProcess(folder) !== undefined };
  return {
    outcome: Outcome.SUCCEEDED,
    effect,
    output: create(CommandOutputSchema, { output: { case: 'placed', value } }),
  };
}
