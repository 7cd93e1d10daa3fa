import type { Clock } from '../clock.ts';
import type { Random } from '../random.ts';
import { readCard } from '../vm/bridge.ts';
import { cpuCount, memoryBytes, type Vm } from '../vm/vm.ts';
import { bootDiskSize } from '../vm/drive.ts';
import { type Seed, readSeed } from './cidata.ts';
import { Guest, type GuestImage } from './guest.ts';
import type { Machines, MachineWish } from './machines.ts';
import { type Site, makeSite } from './site.ts';

/** The operating systems on the site's VMs: their disks outlive power cycles and go when the VM is destroyed. */
export class Guests {
  private readonly byVmid = new Map<number, Guest>();
  private readonly running = new Set<number>();
  private readonly parts: { clock: Clock; random: Random; site: Site };
  private readonly lease: typeof lease;
  /** The image in the VM's CD drive; set by the simulator. */
  seedImage: (vm: Vm) => Buffer | undefined = () => undefined;
  /** Carry the operating systems where guests are real; who they are and where is still told by `Guest`. */
  machines: Machines | undefined;
  private readonly watchers = new Map<number, Set<() => void>>();

  /** @param parts `oneMachineId`: DHCP takes all guests for one machine */
  constructor(parts: { clock: Clock; random: Random; oneMachineId?: boolean }) {
    this.lease = parts.oneMachineId === true ? (_vmid, index) => lease(0, index) : lease;
    this.parts = {
      ...parts,
      site: makeSite((where) => (typeof where === 'number' ? this.get(where) : this.at(where))),
    };
  }

  /** The guest of a running VM. */
  get(vmid: number): Guest | undefined {
    return this.running.has(vmid) ? this.byVmid.get(vmid) : undefined;
  }

  /** The running guest at an address; the one started last when two claim it. */
  at(address: string): Guest | undefined {
    return [...this.running]
      .toReversed()
      .map((vmid) => this.byVmid.get(vmid))
      .find((guest) => guest?.cards.some((card) => card.address === address) === true);
  }

  boot(vm: Vm): void {
    const guest = this.byVmid.get(vm.vmid) ?? new Guest(vm.vmid, this.parts);
    this.byVmid.set(vm.vmid, guest);
    this.down(vm.vmid);
    this.running.delete(vm.vmid);
    this.running.add(vm.vmid);
    guest.boot(vm, (index) => this.lease(vm.vmid, index), this.seed(vm));
    this.machines?.boot(wishOf(vm, guest));
  }

  powerOff(vmid: number): void {
    if (!this.running.delete(vmid)) return;
    this.byVmid.get(vmid)?.powerOff();
    this.down(vmid);
    this.machines?.powerOff(vmid);
  }

  /** Calls `ended` when the guest goes down; answers how to stop watching. */
  watchDown(vmid: number, ended: () => void): () => void {
    const set = this.watchers.get(vmid) ?? new Set();
    this.watchers.set(vmid, set.add(ended));
    return () => set.delete(ended);
  }

  private down(vmid: number): void {
    for (const ended of this.watchers.get(vmid) ?? []) ended();
    this.watchers.delete(vmid);
  }

  forget(vmid: number): void {
    this.byVmid.delete(vmid);
    this.machines?.forget(vmid);
  }

  /** Tells a running guest that its configuration changed. */
  reconfigured(vm: Vm): void {
    this.get(vm.vmid)?.configure(vm, (index) => this.lease(vm.vmid, index), this.seed(vm));
  }

  private seed(vm: Vm): Seed | undefined {
    const image = this.seedImage(vm);
    return image === undefined ? undefined : readSeed(image);
  }

  images(): Record<string, GuestImage> {
    return Object.fromEntries([...this.byVmid].map(([vmid, guest]) => [String(vmid), guest.image()]));
  }

  /** Brings a guest back after a restart of the simulator. */
  restore(vmid: number, image: GuestImage): void {
    this.byVmid.set(vmid, new Guest(vmid, this.parts, image));
  }
}

function wishOf(vm: Vm, guest: Guest): MachineWish {
  const { config } = vm;
  return {
    vmid: vm.vmid,
    hostname: guest.hostname,
    uuid: /uuid=([0-9a-fA-F-]{36})/.exec(config['smbios1'] ?? '')?.[1]?.toLowerCase() ?? '',
    cpu: cpuCount(config),
    memoryMib: Math.floor(memoryBytes(config) / 2 ** 20),
    diskBytes: bootDiskSize(config),
    user: guest.login,
    keys: guest.keys,
    cards: guest.cards.map(({ mac, address, prefix }, at) => ({
      mac: mac.toLowerCase(),
      bridge: readCard(config[`net${at}`] ?? '').bridge ?? 'vmbr0',
      address,
      prefix,
    })),
  };
}

/** The address the site's DHCP gives: the same guest always gets the same one, 10.64.0.0/10. */
function lease(vmid: number, index: number): string {
  const host = vmid * 4 + index + 10;
  return `10.${64 + ((host >> 16) & 63)}.${(host >> 8) & 255}.${host & 255}`;
}
