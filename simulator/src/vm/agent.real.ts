import { type Call, need, number, text, vmid } from '../call.ts';
import { RunError } from '../errors.ts';
import type { Machines } from '../guest/machines.ts';

const AGENT = '/nodes/{node}/qemu/{vmid}/agent';

type Answer = (call: Call, machines: Machines) => Promise<unknown>;

/** The VM whose guest is asked. @throws RunError as the genuine API says it */
function runningVmid(call: Call): number {
  const vm = call.cluster.vm(vmid(call), call.node);
  if (vm.running === undefined) throw new RunError(`VM ${vm.vmid} is not running`);
  if (vm.config['agent'] === undefined || !/^(1|enabled=1)/.test(vm.config['agent']))
    throw new RunError('No QEMU guest agent configured');
  return vm.vmid;
}

/** A command whose answer is passed on as it is. */
const passing =
  (command: string): Answer =>
  async (call, machines) => ({ result: await machines.agent(runningVmid(call), (agent) => agent.execute(command)) });

const base64 = (given: string): string => Buffer.from(given, 'utf8').toString('base64');
const plain = (given: unknown): string => Buffer.from(String(given), 'base64').toString('utf8');

/** Calls that the agent of a real guest answers, by route. */
export const realAgent: Readonly<Record<string, Answer>> = {
  [`POST ${AGENT}/ping`]: passing('guest-ping'),
  [`GET ${AGENT}/network-get-interfaces`]: passing('guest-network-get-interfaces'),
  [`GET ${AGENT}/get-host-name`]: passing('guest-get-host-name'),
  [`GET ${AGENT}/get-osinfo`]: passing('guest-get-osinfo'),
  [`GET ${AGENT}/info`]: passing('guest-info'),
  [`POST ${AGENT}/exec`]: (call, machines) => {
    const given = call.params['command'];
    const [path = '', ...arg] = Array.isArray(given) ? given.map(String) : [String(given ?? '')];
    const input = text(call, 'input-data');
    const stdin = input === undefined ? {} : { 'input-data': base64(input) };
    const command = { path, arg, 'capture-output': true, ...stdin };
    return machines.agent(runningVmid(call), (agent) => agent.execute('guest-exec', command));
  },
  [`GET ${AGENT}/exec-status`]: async (call, machines) => {
    const pid = number(call, 'pid') ?? 0;
    const status = (await machines.agent(runningVmid(call), (agent) =>
      agent.execute('guest-exec-status', { pid }),
    )) as Readonly<Record<string, unknown>>;
    if (status['exited'] !== true) return { exited: 0 };
    return {
      exited: 1,
      exitcode: Number(status['exitcode'] ?? 255),
      'out-truncated': 0,
      ...(status['out-data'] === undefined ? {} : { 'out-data': plain(status['out-data']) }),
      ...(status['err-data'] === undefined ? {} : { 'err-data': plain(status['err-data']), 'err-truncated': 0 }),
    };
  },
  [`GET ${AGENT}/file-read`]: async (call, machines) => {
    const file = need(call, 'file');
    const content = await machines.agent(runningVmid(call), (agent) => agent.readFile(file));
    return { 'bytes-read': content.length, content: content.toString('utf8') };
  },
};
