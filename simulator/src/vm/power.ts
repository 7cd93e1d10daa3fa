import { type Call, flag, number, vmid } from '../call.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { queue } from '../ha/ha.ts';
import { ParameterError, RunError } from '../errors.ts';
import type { TaskRun } from '../task/task.ts';
import { drives, isCloudinit } from './drive.ts';
import { applyPending } from './update.ts';
import { type Vm, isTemplate, requireUnlocked } from './vm.ts';

/** Runs power work on a guest as a task under its lock. */
function powerTask(call: Call, type: string, work: (vm: Vm, run: TaskRun) => Promise<void> | void): string {
  const { cluster, node } = call;
  const id = vmid(call);
  if (flag(call, 'skiplock') && call.user !== 'root@pam')
    throw new ParameterError({ skiplock: 'Only root may use this option.' });
  return cluster.tasks.fork(node, type, id, call.user, (run) =>
    cluster.flocks.with(id, async () => {
      const vm = cluster.vm(id, node);
      if (!flag(call, 'skiplock')) requireUnlocked(vm);
      await work(vm, run);
      cluster.changed();
    }),
  );
}

/** What a guest under high availability is asked, it is asked through the resource manager, and only queued. */
function queued(call: Call, type: 'hastart' | 'hastop'): string | undefined {
  const { cluster, node } = call;
  const vm = cluster.vms.get(vmid(call));
  if (vm === undefined || !cluster.ha.manages(vm.vmid)) return undefined;
  return cluster.tasks.fork(node, type, vm.vmid, call.user, (run) => {
    if (type === 'hastop') return queue(cluster, vm, run, 'stopped', () => powerOff(cluster, vm));
    return queue(cluster, vm, run, 'started', () =>
      vm.running === undefined ? startGuest(cluster, vm, run) : undefined,
    );
  });
}

export function start(call: Call): string {
  const asked = queued(call, 'hastart');
  if (asked !== undefined) return asked;
  return powerTask(call, 'qmstart', async (vm, run) => {
    if (vm.running !== undefined) throw new RunError(`VM ${vm.vmid} already running`);
    await startGuest(call.cluster, vm, run);
    const fault = call.cluster.faults.take('start-fails-but-runs', { vmid: vm.vmid });
    if (fault !== undefined) throw new RunError(fault.text ?? 'start failed: command timed out');
  });
}

/** Powers the guest on: pending options become real, the cloud-init drive is written. */
export async function startGuest(cluster: Cluster, vm: Vm, run: TaskRun): Promise<void> {
  if (isTemplate(vm)) throw new RunError("you can't start a vm if it's a template");
  applyPending(vm);
  if (drives(vm.config).some(isCloudinit)) run.say('generating cloud-init ISO');
  await cluster.clock.sleep(0);
  powerOn(cluster, vm);
  try {
    await cluster.guests.machines?.settled(vm.vmid);
  } catch (error) {
    powerOff(cluster, vm);
    throw error;
  }
}

function powerOn(cluster: Cluster, vm: Vm): void {
  const now = cluster.clock.now();
  vm.running = { pid: cluster.tasks.pid(), startedAt: now, bootedAt: now + cluster.timing.bootMs, paused: false };
  cluster.guests.boot(vm);
  cluster.changed();
}

export function stop(call: Call): string {
  const { cluster } = call;
  const asked = queued(call, 'hastop');
  if (asked !== undefined) return asked;
  if (flag(call, 'overrule-shutdown')) {
    for (const task of cluster.tasks.byUpid.values()) {
      if (task.exitstatus === undefined && task.parts.type === 'qmshutdown' && task.parts.id === String(vmid(call)))
        cluster.tasks.stop(task.upid);
    }
  }
  return powerTask(call, 'qmstop', async (vm) => {
    await cluster.clock.sleep(0);
    powerOff(cluster, vm);
  });
}

function powerOff(cluster: Cluster, vm: Vm): void {
  if (vm.running === undefined) return;
  delete vm.running;
  cluster.guests.powerOff(vm.vmid);
  applyPending(vm);
}

const SHUTDOWN_STEP_MS = 200;

/** Waits for the guest to go down by itself; only one that has booted listens. */
async function askToShutDown(cluster: Cluster, vm: Vm, run: TaskRun, timeoutMs: number): Promise<boolean> {
  if (cluster.guests.machines !== undefined) return cluster.guests.machines.shutdown(vm.vmid, timeoutMs);
  const ready = (): boolean =>
    vm.running !== undefined &&
    !vm.running.paused &&
    vm.running.bootedAt <= cluster.clock.now() &&
    cluster.faults.peek('guest-hangs', { vmid: vm.vmid }) === undefined;
  if (vm.config['agent']?.startsWith('1') === true && !ready()) {
    run.say(`QEMU Guest Agent is not running - VM ${vm.vmid} qga command 'guest-ping' failed - got timeout`);
  }
  const deadline = cluster.clock.now() + timeoutMs;
  if (!ready()) {
    while (cluster.clock.now() < deadline) {
      run.checkStopped();
      await cluster.clock.sleep(Math.min(SHUTDOWN_STEP_MS, timeoutMs));
    }
    return false;
  }
  await cluster.clock.sleep(Math.min(cluster.timing.bootMs / 4, timeoutMs));
  return true;
}

export function shutdown(call: Call): string {
  const { cluster } = call;
  const asked = queued(call, 'hastop');
  if (asked !== undefined) return asked;
  return powerTask(call, 'qmshutdown', async (vm, run) => {
    if (vm.running === undefined) return;
    const down = await askToShutDown(cluster, vm, run, (number(call, 'timeout') ?? 180) * 1000);
    if (!down && !flag(call, 'forceStop')) throw new RunError('VM quit/powerdown failed - got timeout');
    if (!down) run.say('VM still running - terminating now with SIGTERM');
    powerOff(cluster, vm);
  });
}

export function reboot(call: Call): string {
  const { cluster } = call;
  const vm = cluster.vm(vmid(call), call.node);
  if (vm.running === undefined) throw new RunError(`VM ${vm.vmid} not running`);
  return powerTask(call, 'qmreboot', async (one, run) => {
    if (one.running === undefined) throw new RunError(`VM ${one.vmid} not running`);
    const down = await askToShutDown(cluster, one, run, (number(call, 'timeout') ?? 180) * 1000);
    if (!down) throw new RunError('VM quit/powerdown failed - got timeout');
    powerOff(cluster, one);
    powerOn(cluster, one);
  });
}

export function reset(call: Call): string {
  const { cluster } = call;
  const vm = cluster.vm(vmid(call), call.node);
  if (vm.running === undefined) throw new RunError(`VM ${vm.vmid} not running`);
  return powerTask(call, 'qmreset', async (one) => {
    if (one.running === undefined) throw new RunError(`VM ${one.vmid} not running`);
    await cluster.guests.machines?.reset(one.vmid);
    one.running.bootedAt = cluster.clock.now() + cluster.timing.bootMs;
    cluster.guests.boot(one);
  });
}

export function suspend(call: Call): string {
  return pauseTask(call, 'qmpause', true);
}

export function resume(call: Call): string {
  return pauseTask(call, 'qmresume', false);
}

function pauseTask(call: Call, type: string, paused: boolean): string {
  const vm = call.cluster.vm(vmid(call), call.node);
  if (vm.running === undefined) throw new RunError(`VM ${vm.vmid} not running`);
  return powerTask(call, type, (one) => {
    if (one.running === undefined) throw new RunError(`VM ${one.vmid} not running`);
    one.running.paused = paused;
  });
}
