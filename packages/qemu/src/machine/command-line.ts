import { type Accel, platform } from '../program/accel.ts';
import { type MachineRecord, placesOf } from './machine.ts';

/** The card by which the host reaches a guest. */
export const reachCard = {
  mac: '52:55:0a:00:02:0f',
  address: '10.0.2.15/24',
  gateway: '10.0.2.2',
  resolver: '10.0.2.3',
};

/** How a machine is started this time. */
export interface StartChoice {
  readonly accel: Accel;
  /** Port on loopback that leads to the guest's port 22. */
  readonly sshPort: number;
  /** Snapshot with memory that it goes on from; undefined for a boot. */
  readonly resume?: string | undefined;
  /** File with the memory of a suspended guest that it goes on from; undefined for a boot. */
  readonly memory?: string | undefined;
}

/** Bytes of the console that are kept in the process's memory: what a guest prints never fills a disk. */
const consoleBytes = 65_536;

/** QEMU's arguments. Everything that the machine owns lies in its folder; nothing of the host is given to it but one forwarded port. */
export function commandLine(folder: string, { spec }: MachineRecord, choice: StartChoice): readonly string[] {
  const places = placesOf(folder);
  const { kernel, initrd, append } = spec.boot;
  return [
    ['-name', spec.name, '-uuid', spec.uuid, '-pidfile', places.pidFile, '-daemonize'],
    platform(choice.accel),
    ['-smp', String(spec.cpu), '-m', `${spec.memoryMib}M`],
    // What a guest that breaks out could ask of the kernel; the process has to be able to leave its starter, so no more.
    ['-sandbox', 'on,obsolete=deny,resourcecontrol=deny'],
    [
      '-chardev',
      `socket,id=monitor,path=${escaped(places.monitor)},server=on,wait=off`,
      '-mon',
      'chardev=monitor,mode=control',
    ],
    ['-chardev', `ringbuf,id=console,size=${consoleBytes}`, '-serial', 'chardev:console'],
    ['-chardev', `socket,id=agent,path=${escaped(places.agent)},server=on,wait=off`, '-device', 'virtio-serial-pci'],
    ['-device', 'virtserialport,chardev=agent,name=org.qemu.guest_agent.0', '-device', 'virtio-rng-pci'],
    drive('disk', places.disk, 'qcow2', false),
    drive('seed', places.seed, 'raw', true),
    spec.cards.flatMap(({ mac, lan }, at) =>
      [
        ['-netdev', `socket,id=lan${at},mcast=${lan.group}:${lan.port},localaddr=127.0.0.1`],
        ['-device', `virtio-net-pci,netdev=lan${at},mac=${mac},romfile=`],
      ].flat(),
    ),
    ['-netdev', reachNetwork(spec.internet, choice.sshPort)],
    ['-device', `virtio-net-pci,netdev=reach,mac=${reachCard.mac},romfile=`],
    kernel === undefined ? [] : ['-kernel', kernel],
    initrd === undefined ? [] : ['-initrd', initrd],
    kernel === undefined || append === undefined ? [] : ['-append', append],
    choice.resume === undefined ? [] : ['-loadvm', choice.resume],
    choice.memory === undefined ? [] : ['-incoming', `exec:cat ${quoted(choice.memory)}`],
  ].flat();
}

/** What a running machine was started with, as far as it is wanted again. */
export interface StartedWith {
  readonly sshPort: number;
  readonly cpu: number;
  readonly memoryMib: number;
  readonly accel: Accel;
}

/** Reads it from a process's arguments; undefined when they are not those of the machine in this folder. */
export function readCommandLine(folder: string, args: readonly string[]): StartedWith | undefined {
  const after = (flag: string): string => args[args.indexOf(flag) + 1] ?? '';
  if (!args.includes('-pidfile') || after('-pidfile') !== placesOf(folder).pidFile) return undefined;
  const port = args.map((each) => /hostfwd=tcp:127\.0\.0\.1:(\d+)-/.exec(each)?.[1]).find((each) => each !== undefined);
  return {
    sshPort: Number(port ?? 0),
    cpu: Number(after('-smp')),
    memoryMib: Number.parseInt(after('-m'), 10),
    accel: after('-accel').startsWith('kvm') ? 'kvm' : 'tcg',
  };
}

function reachNetwork(internet: boolean, sshPort: number): string {
  const guest = reachCard.address.split('/')[0] ?? '';
  return `user,id=reach,ipv6=off,restrict=${internet ? 'off' : 'on'},hostfwd=tcp:127.0.0.1:${sshPort}-${guest}:22`;
}

function drive(name: string, file: string, format: 'qcow2' | 'raw', readOnly: boolean): readonly string[] {
  const node = {
    driver: format,
    'node-name': name,
    'read-only': readOnly,
    ...(readOnly ? {} : { discard: 'unmap' }),
    file: { driver: 'file', filename: file },
  };
  return ['-blockdev', JSON.stringify(node), '-device', `virtio-blk-pci,drive=${name},id=${name}-device`];
}

/** A comma in a value is written twice. */
const escaped = (path: string): string => path.replaceAll(',', ',,');

/** A path in a command that QEMU gives to a shell. */
export const quoted = (path: string): string => `'${path.replaceAll("'", `'\\''`)}'`;
