import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import {
  type Accel,
  askShutdown,
  chooseAccel,
  cutPower,
  Disks,
  findProcess,
  findQemu,
  type GuestAgent,
  type GuestImage,
  lanOf,
  listMachines,
  type MachineRecord,
  makeMachine,
  placesOf,
  QemuError,
  reachCard,
  readImage,
  readRecord,
  removeMachine,
  removeSnapshot,
  replaceFile,
  resetMachine,
  seedImage,
  startMachine,
  takeSnapshot,
  wakeMachine,
  withGuestAgent,
  writeRecord,
} from '@truffle/qemu';
import { findSuspended, type Suspended } from '@truffle/qemu/images';
import { RunError } from '../errors.ts';

/** What a VM's guest is to be when it starts. */
export interface MachineWish {
  readonly vmid: number;
  readonly hostname: string;
  readonly uuid: string;
  readonly cpu: number;
  readonly memoryMib: number;
  readonly diskBytes: number;
  readonly user: string;
  readonly keys: readonly string[];
  readonly cards: readonly {
    readonly mac: string;
    readonly bridge: string;
    readonly address: string | undefined;
    readonly prefix: number;
  }[];
}

const agentMs = 3_000;
const taskMs = 600_000;
const wakeMs = 120_000;
/** How long guests may shut down by themselves when the site ends. */
const farewellMs = 10_000;

/**
 * Real machines in the place of scripted guests: a QEMU process for each VM that runs, made from one image whatever template a VM is cloned of.
 * What is asked of one VM is done in order; who waits for it hears how it ended.
 */
export class Machines {
  readonly #folder: string;
  readonly #image: GuestImage;
  readonly #ownKey: string;
  /** By which the site itself enters guests, to reach their ports. */
  readonly privateKey: string;
  readonly #tails = new Map<number, Promise<void>>();
  #accel: Promise<Accel> | undefined;

  /**
   * @param folder holds a folder for each machine
   * @param image the file that describes the image
   * @param key by which the site itself enters guests, to reach their ports
   */
  constructor({ folder, image, key }: { folder: string; image: string; key: { private: string; public: string } }) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#folder = folder;
    this.#image = readImage(image);
    this.#ownKey = key.public;
    this.privateKey = key.private;
  }

  /** Starts the VM's machine, or finds that it runs. */
  boot(wish: MachineWish): void {
    this.#queue(wish.vmid, async () => {
      const folder = this.#at(wish.vmid);
      if (findProcess(folder) !== undefined) return;
      const accel = await this.#chosen();
      const suspended = await this.#suspendedFor(folder, wish, accel);
      await this.#prepare(folder, wish, suspended);
      const record = readRecord(folder);
      if (record === undefined) return;
      await startMachine(findQemu(), folder, record, { accel, memory: suspended?.memory });
      if (suspended !== undefined) await wakeMachine(folder, this.#bytesOf(wish), AbortSignal.timeout(wakeMs));
    });
  }

  powerOff(vmid: number): void {
    this.#queue(vmid, () => cutPower(this.#at(vmid)));
  }

  forget(vmid: number): void {
    this.#queue(vmid, async () => {
      await cutPower(this.#at(vmid));
      removeMachine(this.#at(vmid));
    });
  }

  /** Waits until all that was asked of the VM is done. @throws RunError with the first reason that it is not */
  async settled(vmid: number): Promise<void> {
    try {
      await this.#tails.get(vmid);
    } catch (error) {
      this.#tails.delete(vmid);
      throw new RunError(`start failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** Takes a snapshot of the machine's disk, with its memory where that is wanted. @throws QemuError */
  async snapshot(vmid: number, name: string, withMemory: boolean): Promise<void> {
    const folder = this.#at(vmid);
    if (readRecord(folder) === undefined) return;
    await takeSnapshot(new Disks(findQemu().img), folder, name, withMemory, AbortSignal.timeout(taskMs));
  }

  /** @throws QemuError */
  async deleteSnapshot(vmid: number, name: string): Promise<void> {
    const folder = this.#at(vmid);
    if (readRecord(folder) === undefined) return;
    await removeSnapshot(new Disks(findQemu().img), folder, name, AbortSignal.timeout(taskMs));
  }

  /** Puts the disk of a machine that was powered off back. @throws QemuError */
  async rollBack(vmid: number, name: string): Promise<void> {
    await this.settled(vmid);
    const folder = this.#at(vmid);
    if (readRecord(folder) !== undefined) await new Disks(findQemu().img).rollBack(placesOf(folder).disk, name);
  }

  /** Presses the reset button. @throws QemuError */
  async reset(vmid: number): Promise<void> {
    await resetMachine(this.#at(vmid));
  }

  /** Presses the power button. @returns whether the guest went down in time */
  shutdown(vmid: number, ms: number): Promise<boolean> {
    return askShutdown(this.#at(vmid), ms);
  }

  /** Talks to the guest's agent. @throws RunError as the genuine API says it */
  async agent<T>(vmid: number, talk: (agent: GuestAgent) => Promise<T>): Promise<T> {
    try {
      return await withGuestAgent(placesOf(this.#at(vmid)).agent, talk, agentMs);
    } catch (error) {
      if (!(error instanceof QemuError)) throw error;
      if (error.code === 'QEMU_REFUSED') throw new RunError(`Agent error: ${error.output[0] ?? ''}`);
      throw new RunError('QEMU guest agent is not running');
    }
  }

  /** A connection to the guest's SSH server; undefined while it does not run. */
  dialSsh(vmid: number): Socket | undefined {
    const running = findProcess(this.#at(vmid));
    return running === undefined ? undefined : connect({ host: '127.0.0.1', port: running.sshPort, noDelay: true });
  }

  /** Ends all machines: asked first, for a bounded time. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#tails.values());
    await Promise.all(
      listMachines(this.#folder).map(async (name) => {
        const folder = join(this.#folder, name);
        if (!(await askShutdown(folder, farewellMs))) await cutPower(folder);
      }),
    );
  }

  /** The suspended guest that a machine goes on from at its first start, where there is one of its shape. */
  async #suspendedFor(folder: string, wish: MachineWish, accel: Accel): Promise<Suspended | undefined> {
    const { cpu, memoryMib, cards } = wish;
    // Cards are told apart by their order then, and the seed leaves out those without an address.
    if (readRecord(folder) !== undefined || cards.some(({ address }) => address === undefined)) return undefined;
    return findSuspended(this.#image, { cpu, memoryMib, cards: cards.length }, accel);
  }

  async #prepare(folder: string, wish: MachineWish, suspended: Suspended | undefined): Promise<void> {
    const disks = new Disks(findQemu().img);
    const record = this.#recordOf(wish);
    const seed = this.#seedOf(wish);
    const bytes = this.#bytesOf(wish);
    const { disk, seed: path } = placesOf(folder);
    if (readRecord(folder) === undefined) {
      await makeMachine(folder, record, async (draft) => {
        // One that goes on has the disk of its size when it has woken.
        if (suspended === undefined) await disks.link(draft.disk, this.#image.disk, bytes);
        else await disks.link(draft.disk, suspended.disk);
        writeFileSync(draft.seed, seed);
      });
      return;
    }
    writeRecord(folder, record);
    if (!readFileSync(path).equals(seed)) replaceFile(path, seed);
    if ((await disks.facts(disk)).bytes < bytes) await disks.resize(disk, bytes);
  }

  #bytesOf({ diskBytes }: MachineWish): number {
    return Math.max(diskBytes, this.#image.diskBytes);
  }

  #recordOf({ vmid, hostname, uuid, cpu, memoryMib, cards }: MachineWish): MachineRecord {
    const spec = {
      name: hostname,
      uuid,
      cpu,
      memoryMib,
      cards: cards.map(({ mac, bridge }) => ({ mac, lan: lanOf(this.#folder, bridge) })),
      internet: false,
      boot: this.#image.boot,
    };
    return { spec, labels: { vmid: String(vmid) } };
  }

  #seedOf({ hostname, uuid, user, keys, cards }: MachineWish): Buffer {
    const { mac, address } = reachCard;
    const addressed = cards.flatMap((card) =>
      card.address === undefined ? [] : [{ mac: card.mac, address: `${card.address}/${card.prefix}` }],
    );
    return seedImage({
      instanceId: uuid,
      hostname,
      user,
      keys: [...keys, this.#ownKey],
      cards: [...addressed, { mac, address }],
    });
  }

  #chosen(): Promise<Accel> {
    return (this.#accel ??= chooseAccel(findQemu(), this.#folder).then(({ accel }) => accel));
  }

  /** After what was asked before, however that ended. */
  #queue(vmid: number, act: () => Promise<void>): void {
    const before = this.#tails.get(vmid) ?? Promise.resolve();
    const next = before.catch(() => undefined).then(act);
    // Who waits hears of it; when nobody does it is no reason to end the process.
    next.catch(() => undefined);
    this.#tails.set(vmid, next);
  }

  readonly #at = (vmid: number): string => join(this.#folder, String(vmid));
}
