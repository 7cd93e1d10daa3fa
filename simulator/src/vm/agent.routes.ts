import { type Call, type Routes, need, number, text, vmid } from '../call.ts';
import { RunError } from '../errors.ts';
import type { Guest } from '../guest/guest.ts';
import { realAgent } from './agent.real.ts';

const AGENT_VERSION = '7.2.22';

/** The booted guest behind the agent, or the error the real one gives when nobody answers. */
async function guestOf(call: Call): Promise<Guest> {
  const { cluster } = call;
  const vm = cluster.vm(vmid(call), call.node);
  if (vm.running === undefined) throw new RunError(`VM ${vm.vmid} is not running`);
  if (vm.config['agent'] === undefined || !/^(1|enabled=1)/.test(vm.config['agent']))
    throw new RunError('No QEMU guest agent configured');
  const absent = cluster.faults.peek('agent-absent', { vmid: vm.vmid }) !== undefined;
  const guest = cluster.guests.get(vm.vmid);
  // The ping waits in the guest's serial port: an agent that comes up in time answers it.
  const boots = vm.running.bootedAt - cluster.clock.now();
  const answers = !absent && !vm.running.paused && guest !== undefined && boots <= cluster.timing.agentWaitMs;
  if (!answers || boots > 0) await cluster.clock.sleep(answers ? boots : cluster.timing.agentWaitMs);
  if (!answers || cluster.vm(vm.vmid, call.node).running === undefined)
    throw new RunError('QEMU guest agent is not running');
  return guest;
}

const COMMANDS = [
  'guest-get-cpustats',
  'guest-get-diskstats',
  'guest-ssh-remove-authorized-keys',
  'guest-ssh-add-authorized-keys',
  'guest-ssh-get-authorized-keys',
  'guest-get-devices',
  'guest-get-osinfo',
  'guest-get-timezone',
  'guest-get-users',
  'guest-get-host-name',
  'guest-exec',
  'guest-exec-status',
  'guest-get-memory-block-info',
  'guest-set-memory-blocks',
  'guest-get-memory-blocks',
  'guest-set-user-password',
  'guest-get-fsinfo',
  'guest-get-disks',
  'guest-set-vcpus',
  'guest-get-vcpus',
  'guest-network-get-interfaces',
  'guest-suspend-hybrid',
  'guest-suspend-ram',
  'guest-suspend-disk',
  'guest-fstrim',
  'guest-fsfreeze-thaw',
  'guest-fsfreeze-freeze-list',
  'guest-fsfreeze-freeze',
  'guest-fsfreeze-status',
  'guest-file-flush',
  'guest-file-seek',
  'guest-file-write',
  'guest-file-read',
  'guest-file-close',
  'guest-file-open',
  'guest-shutdown',
  'guest-info',
  'guest-set-time',
  'guest-get-time',
  'guest-ping',
  'guest-sync',
  'guest-sync-delimited',
];

function supported(name: string): Record<string, unknown> {
  return { name, enabled: name !== 'guest-get-devices', 'success-response': !/suspend|shutdown/.test(name) };
}

function interfaces(guest: Guest): unknown[] {
  const statistics = {
    'rx-bytes': 110,
    'rx-dropped': 0,
    'rx-errs': 0,
    'rx-packets': 1,
    'tx-bytes': 512,
    'tx-dropped': 0,
    'tx-errs': 0,
    'tx-packets': 6,
  };
  const none = Object.fromEntries(Object.keys(statistics).map((key) => [key, 0]));
  const loopback = {
    name: 'lo',
    'hardware-address': '00:00:00:00:00:00',
    statistics: none,
    'ip-addresses': [
      { 'ip-address': '127.0.0.1', 'ip-address-type': 'ipv4', prefix: 8 },
      { 'ip-address': '::1', 'ip-address-type': 'ipv6', prefix: 128 },
    ],
  };
  const cards = guest.cards.map((card, at) => ({
    name: `eth${at}`,
    'hardware-address': card.mac.toLowerCase(),
    statistics,
    'ip-addresses': [
      ...(card.address === undefined
        ? []
        : [{ 'ip-address': card.address, 'ip-address-type': 'ipv4', prefix: card.prefix }]),
      { 'ip-address': linkLocal(card.mac), 'ip-address-type': 'ipv6', prefix: 64 },
    ],
  }));
  return [loopback, ...cards];
}

/** Bridges and taps of the guest's own come first where the fault says so, with addresses that nobody can reach. */
async function cardsOf(call: Call): Promise<unknown[]> {
  const cards = interfaces(await guestOf(call));
  if (call.cluster.faults.peek('agent-extra-cards', { vmid: vmid(call) }) === undefined) return cards;
  const own = (name: string, mac: string, address: string): unknown => ({
    name,
    'hardware-address': mac,
    'ip-addresses': [{ 'ip-address': address, 'ip-address-type': 'ipv4', prefix: 16 }],
  });
  const docker = own('docker0', '02:42:ac:11:00:01', '172.17.0.1');
  return [docker, own('tap0', '5e:00:00:00:00:01', '10.8.0.1'), ...cards];
}

/** The address a card gives itself: fe80 and the MAC with its seventh bit turned. */
function linkLocal(mac: string): string {
  const bytes = mac.split(':').map((part) => Number.parseInt(part, 16));
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = bytes;
  const word = (high: number, low: number): string => ((high << 8) | low).toString(16);
  return `fe80::${word(a ^ 2, b)}:${word(c, 0xff)}:${word(0xfe, d)}:${word(e, f)}`;
}

function command(call: Call): string[] {
  const given = call.params['command'];
  return Array.isArray(given) ? given : [String(given ?? '')];
}

const AGENT = '/nodes/{node}/qemu/{vmid}/agent';

const scripted: Routes = {
  [`GET ${AGENT}`]: () =>
    [
      'exec',
      'exec-status',
      'file-read',
      'file-write',
      'get-host-name',
      'get-osinfo',
      'info',
      'network-get-interfaces',
      'ping',
      'set-user-password',
      'shutdown',
    ].map((name) => ({ name })),
  [`POST ${AGENT}/ping`]: async (call) => {
    await guestOf(call);
    return { result: {} };
  },
  [`GET ${AGENT}/network-get-interfaces`]: async (call) => ({ result: await cardsOf(call) }),
  [`GET ${AGENT}/get-host-name`]: async (call) => ({ result: { 'host-name': (await guestOf(call)).hostname } }),
  [`GET ${AGENT}/get-osinfo`]: async (call) => ({ result: (await guestOf(call)).osinfo() }),
  [`GET ${AGENT}/info`]: async (call) => {
    await guestOf(call);
    return { result: { version: AGENT_VERSION, supported_commands: COMMANDS.map(supported) } };
  },
  [`POST ${AGENT}/exec`]: async (call) => {
    const guest = await guestOf(call);
    return { pid: guest.execute(command(call), text(call, 'input-data') ?? '') };
  },
  [`GET ${AGENT}/exec-status`]: async (call) => {
    const pid = number(call, 'pid') ?? 0;
    const result = (await guestOf(call)).executed(pid);
    if (result === undefined) throw new RunError(`Agent error: PID ${pid} does not exist`);
    if (!result.done) return { exited: 0 };
    return {
      exited: 1,
      exitcode: result.code,
      'out-truncated': 0,
      ...(result.stdout === '' ? {} : { 'out-data': result.stdout }),
      ...(result.stderr === '' ? {} : { 'err-data': result.stderr, 'err-truncated': 0 }),
    };
  },
  [`POST ${AGENT}/file-write`]: async (call) => {
    const guest = await guestOf(call);
    const raw = call.params['encode'] === 0;
    guest.disk.write(
      need(call, 'file'),
      raw ? Buffer.from(need(call, 'content'), 'base64') : Buffer.from(need(call, 'content')),
    );
    return null;
  },
  [`GET ${AGENT}/file-read`]: async (call) => {
    const guest = await guestOf(call);
    const file = need(call, 'file');
    const content = guest.disk.read(file);
    if (content === undefined)
      throw new RunError(`Agent error: Failed to open file '${file}' (mode: 'r'): No such file or directory`);
    return { 'bytes-read': content.length, content: content.toString('utf8') };
  },
  [`POST ${AGENT}/set-user-password`]: async (call) => {
    await guestOf(call);
    return { result: {} };
  },
  [`POST ${AGENT}/shutdown`]: async (call) => {
    const { cluster } = call;
    await guestOf(call);
    const vm = cluster.vm(vmid(call), call.node);
    void cluster.clock.sleep(cluster.timing.bootMs / 4).then(() => {
      delete vm.running;
      cluster.guests.powerOff(vm.vmid);
    });
    return { result: {} };
  },
};

/** The guest agent's calls: answered by the guest's own agent where guests are real. */
export const agentRoutes: Routes = Object.fromEntries(
  Object.entries(scripted).map(([route, answer]) => [
    route,
    (call: Call) => {
      const { machines } = call.cluster.guests;
      const real = realAgent[route];
      return machines === undefined || real === undefined ? answer(call) : real(call, machines);
    },
  ]),
);
