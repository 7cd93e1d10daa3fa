import { askShutdown, cutPower, findProcess, type MachineProcess, startMachine } from '@truffle/qemu';
import type { CommandRun } from '../command/effect.ts';
import { journalled } from '../pve/step.ts';
import type { Here } from './locate.ts';
import type { QemuSite } from './site.ts';

/** Has the machine run. @param resume snapshot with memory to go on from @throws QemuError, or the run's signal's reason */
export async function start(site: QemuSite, run: CommandRun, vm: Here, resume?: string): Promise<MachineProcess> {
  const running = findProcess(vm.folder);
  if (running !== undefined) return running;
  run.progress('start', `starting machine ${vm.vmid}`);
  let started: MachineProcess | undefined;
  await journalled(run, 'start', { vmid: vm.vmid }, async () => {
    const how = { accel: await site.accel(), signal: run.signal, resume };
    started = await startMachine(site.programs(), vm.folder, vm.record, how);
    return { pid: started.pid };
  });
  return started as MachineProcess;
}

/** Has the machine stand still: asks it first, for `askedMs`, then cuts its power. @throws QemuError, or the run's signal's reason */
export async function stop(site: QemuSite, run: CommandRun, vm: Here, askedMs = site.waits.shutdownMs): Promise<void> {
  if (findProcess(vm.folder) === undefined) return;
  run.progress('shutdown', `asking machine ${vm.vmid} to shut down, for ${Math.ceil(askedMs / 1_000)} s at most`);
  if (await askShutdown(vm.folder, askedMs, run.signal)) return;
  run.progress('stop', `cutting the power of machine ${vm.vmid}`);
  await cutPower(vm.folder);
}
