import { create } from '@bufbuild/protobuf';
import { AddressSource, CommandOutputSchema, Effect, type EnsureServer, Outcome } from '@truffle/api/agent/v1/command';
import type { CommandEnd, CommandRun } from '../command/effect.ts';
import { addressAt, networksOf } from './address.ts';
import { awaitBoot } from './boot.ts';
import { ensureCloned } from './clone.ts';
import { configure, grow, macAt } from './configure.ts';
import { start } from './power.ts';
import { checkOffered } from './server.ts';
import type { QemuSite } from './site.ts';

/**
 * Makes one server be as specified, up and addressed: machine, configuration and seed, disk, start, SSH. Each step looks first and acts only
 * on what differs, so that it can run again from the start at any time.
 * @throws QemuError, DecodedFailure, or the run's signal's reason
 */
export async function ensureServer(site: QemuSite, run: CommandRun, spec: EnsureServer): Promise<CommandEnd> {
  checkOffered(site, spec);
  const made = await ensureCloned(site, run, spec);
  const vm = configure(site, spec, made);
  await grow(site, run, vm, Number(spec.diskBytes));
  await start(site, run, vm);
  await awaitBoot(site, run, vm, spec);
  const address = addressAt(site, networksOf(site, spec.networks)[0] ?? '', spec.vmid) ?? '';
  run.progress('ready', `${spec.name} is up at ${address}`);
  const value = {
    node: site.node,
    vmid: spec.vmid,
    address,
    mac: macAt(site, spec.vmid, 0),
    addressSource: AddressSource.SITE,
  };
  return {
    outcome: Outcome.SUCCEEDED,
    effect: Effect.FULL,
    output: create(CommandOutputSchema, { output: { case: 'server', value } }),
  };
}
