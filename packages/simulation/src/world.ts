// Long, as it is the one place that holds all parts of a simulated world.
import { createHash } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import { CommandPayloadSchema } from '@truffle/api/agent/v1/command';
import type { Dialer, StreamEvents } from '../../../agent/src/link/stream.ts';
import type { LockedCommand } from '../../../services/agent-gateway/src/command/command.repo.ts';
import { cancelledFailure } from '../../../services/agent-gateway/src/command/command.codec.ts';
import { isTerminal } from '../../../services/agent-gateway/src/command/command.ts';
import { agentWords } from '../../../services/agent-gateway/src/gateway/gateway.ts';
import { Bells } from './bells.ts';
import { Chance } from './chance.ts';
import { Tables } from './database.ts';
import { Folder } from './disk.ts';
import { Machine } from './machine.ts';
import { Wire } from './network.ts';
import { Replica } from './replica.ts';
import { Scheduler } from './scheduler.ts';
import { Site } from './site.ts';

/** An enrolled agent: its machines (more than one only after it was cloned). */
interface Agent {
  readonly id: string;
  serial: string;
  machines: Machine[];
  /** A copy or an older state of its folder was started, or the folder was lost: the exceptions that the protocol names hold. */
  tainted: boolean;
  backup: Folder | undefined;
}

/** Everything in one process on a virtual clock: agents, gateways, their database and network, and the site. */
export class World {
  readonly time = new Scheduler();
  readonly chance: Chance;
  readonly tables: Tables;
  readonly violations: string[] = [];
  /** Faults so far, by name. */
  readonly faults = new Map<string, number>();
  readonly site: Site;
  readonly agents: Agent[] = [];
  replicas: Replica[] = [];
  readonly #bells: Bells;
  readonly #wires = new Set<Wire>();
  /** Pairs that can't reach each other: agent and endpoint. */
  readonly #partitions = new Set<string>();
  #faulty = true;
  #dbSkew = 0;
  #fresh = 0;

  constructor(seed: number) {
    this.chance = new Chance(seed);
    this.tables = new Tables(this.dbNow, (what) => this.violate(what));
    this.site = new Site({
      tables: this.tables,
      chance: this.chance,
      violation: (what) => this.violate(what),
      tainted: (id) => this.agents.some((agent) => agent.id === id && agent.tainted),
    });
    const faults = { fault: this.fault, faulty: () => this.#faulty };
    this.#bells = new Bells(this.time, this.chance, faults);
    for (let i = 0; i <= this.chance.below(3); i++) this.startReplica(`gateway-${i}:1`);
    for (let i = 0; i <= this.chance.below(3); i++) this.#enrol(`agt_${i}`);
  }

  readonly fault = (name: string): void => void this.faults.set(name, (this.faults.get(name) ?? 0) + 1);

  violate(what: string): void {
    this.violations.push(`at ${Math.round(this.time.now)} ms: ${what}`);
  }

  readonly dbNow = (): number => 1_800_000_000_000 + this.time.now + this.#dbSkew;

  get machines(): Machine[] {
    return this.agents.flatMap((agent) => agent.machines);
  }

  get wires(): Wire[] {
    return [...this.#wires];
  }

  /** No further faults, and what still is broken is repaired. */
  heal(): void {
    this.#faulty = false;
    this.#partitions.clear();
    for (const wire of this.#wires) wire.stall(false);
    for (const machine of this.machines) machine.start();
  }

  jumpDatabaseClock(ms: number): void {
    this.#dbSkew += ms;
  }

  startReplica(endpoint: string): void {
    const replica = new Replica({
      id: `gwy_${++this.#fresh}`,
      endpoint,
      time: this.time,
      chance: this.chance,
      tables: this.tables,
      bells: this.#bells,
      dbNow: this.dbNow,
      fresh: () => ++this.#fresh,
      fault: this.fault,
      faulty: () => this.#faulty,
    });
    this.replicas = [...this.replicas.filter((r) => r.endpoint !== endpoint), replica];
    replica.start();
  }

  /** A command for one of a few resources of an agent; perhaps asked for twice. */
  enqueue(): void {
    const agent = this.chance.pick(this.agents);
    const resource = this.chance.below(3);
    const ping = this.chance.hits(0.15);
    const id = `cmd_${this.tables.commands().length}`;
    const op = ping
      ? ({ case: 'ping', value: { nonce: id } } as const)
      : ({ case: 'deleteServer', value: { serverId: id, vmid: 100 } } as const);
    const payload = Buffer.from(toBinary(CommandPayloadSchema, create(CommandPayloadSchema, { op })));
    const sha256 = createHash('sha256').update(payload).digest();
    const resourceKey = `pve:${agent.id}/${resource}`;
    const runTimeoutMs = this.chance.between(8_000, 60_000);
    const startBy = this.dbNow() + this.chance.between(20_000, 900_000);
    this.tables.insert(
      {
        id,
        op: op.case,
        resourceKey,
        fence: BigInt(this.tables.commands().length + 1),
        payload,
        payloadSha256: sha256,
        runTimeoutMs,
        needsPermit: !ping,
        traceparent: '',
        agentId: agent.id,
        startBy: new Date(startBy),
        signature: Buffer.alloc(0),
        keyId: '',
      },
      {
        ...newLife,
        id,
        agentId: agent.id,
        resourceKey,
        needsPermit: !ping,
        payloadSha256: sha256.toString('hex'),
        startBy,
        runTimeoutMs,
      },
    );
    this.#bells.ring(agent.id);
  }

  async cancel(id: string): Promise<void> {
    const life = this.tables.command(id)?.life;
    const replica = this.replicas.find((r) => r.alive);
    if (life === undefined || replica === undefined) return;
    const told = await replica.store.cancel(id, cancelledFailure).catch(() => false);
    if (told) this.#bells.ring(life.agentId, `${agentWords.stop}${id}`);
  }

  /** Cuts an agent off from a gateway, or joins them again. */
  partition(agentId: string, endpoint: string, on: boolean): void {
    const key = `${agentId} ${endpoint}`;
    if (on) this.#partitions.add(key);
    else this.#partitions.delete(key);
    for (const wire of this.#wires) if (wire.agent === agentId && wire.gateway === endpoint) wire.stall(on);
  }

  backUp(agent: Agent): void {
    agent.backup?.close();
    agent.backup = this.chance.pick(agent.machines).folder.copy();
  }

  /** The machine is put back to the state of its backup. */
  restore(agent: Agent): void {
    if (agent.backup === undefined) return;
    agent.tainted = true;
    for (const machine of agent.machines) machine.retire();
    agent.machines = [this.#machine(agent, agent.backup.copy())];
    agent.machines[0]?.start();
  }

  /** A copy of the machine is started beside it. */
  clone(agent: Agent): void {
    const [original] = agent.machines;
    if (original === undefined || agent.machines.length > 1) return;
    agent.tainted = true;
    const copy = this.#machine(agent, original.folder.copy());
    agent.machines = [...agent.machines, copy];
    copy.start();
  }

  /** The operator's way out of a quarantine, and after a lost folder: one machine enrols anew with an empty folder. */
  enrolAgain(agent: Agent): void {
    agent.tainted = true;
    for (const machine of agent.machines) machine.retire();
    agent.serial = `serial ${++this.#fresh}`;
    const row = this.tables.session(agent.id);
    if (row !== undefined)
      this.tables.putSession(agent.id, {
        ...row,
        epoch: row.epoch + 1,
        open: false,
        continuity: null,
        continuityNext: null,
      });
    this.tables.putAgent(agent.id, { standing: 'ENROLLED', certificateSerial: agent.serial });
    agent.machines = [this.#machine(agent, new Folder())];
    agent.machines[0]?.start();
  }

  get settled(): boolean {
    return (
      this.tables.commands().every(({ life }) => isTerminal(life.state) || life.state === 'UNKNOWN') &&
      this.machines.every((machine) => machine.held === 0)
    );
  }

  close(): void {
    for (const machine of this.machines) {
      machine.retire();
      machine.folder.close();
    }
    for (const replica of this.replicas) if (replica.alive) replica.crash(true);
  }

  #enrol(id: string): void {
    const agent: Agent = { id, serial: 'serial 0', machines: [], tainted: false, backup: undefined };
    this.agents.push(agent);
    this.tables.putAgent(id, { standing: 'ENROLLED', certificateSerial: agent.serial });
    this.tables.putSession(id, {
      epoch: 0,
      gatewayId: '',
      open: false,
      incarnation: null,
      journalLsn: 0n,
      continuity: null,
      continuityNext: null,
    });
    agent.machines = [this.#machine(agent, new Folder())];
    agent.machines[0]?.start();
  }

  #machine(agent: Agent, folder: Folder): Machine {
    const wires = new Set<Wire>();
    const serial = agent.serial;
    const machine: Machine = new Machine(folder, {
      agentId: agent.id,
      endpoints: this.replicas.map((r) => r.endpoint).toSorted(),
      time: this.time,
      chance: this.chance,
      site: this.site,
      fault: this.fault,
      faulty: () => this.#faulty,
      violation: (what) => this.violate(`${agent.id}: ${what}`),
      dialer: (alive) => this.#dialer({ agent, serial, wires, alive, machine: () => machine }),
      died: (silent) => {
        for (const wire of wires) wire.agentDied(silent);
        wires.clear();
      },
    });
    return machine;
  }

  #dialer(who: {
    readonly agent: Agent;
    readonly serial: string;
    readonly wires: Set<Wire>;
    readonly alive: () => boolean;
    readonly machine: () => Machine;
  }): Dialer {
    const { agent, serial, wires, alive } = who;
    const inside = (act: () => void): void => who.machine().guarded(alive, act);
    return {
      dial: (endpoint, given) => {
        const events: StreamEvents = {
          connected: () => inside(() => given.connected()),
          received: (frame) => inside(() => given.received(frame)),
          drained: () => inside(() => given.drained()),
          lost: (why) => inside(() => given.lost(why)),
        };
        const wire = new Wire({ time: this.time, chance: this.chance, agent: agent.id, gateway: endpoint, events });
        for (const old of this.#wires) if (old.over) this.#wires.delete(old);
        this.#wires.add(wire);
        wires.add(wire);
        this.time.after(this.chance.between(0.5, 40), () => {
          const replica = this.replicas.find((r) => r.endpoint === endpoint && r.alive);
          if (this.#partitions.has(`${agent.id} ${endpoint}`)) return;
          if (replica === undefined) return wire.break();
          replica.take(wire, {
            orgId: 'org',
            agentId: agent.id,
            certificateSerial: serial,
            certificateEnds: new Date(this.dbNow() + 86_400_000),
            address: '127.0.0.1',
          });
          events.connected();
        });
        return wire.stream;
      },
    };
  }
}

const newLife: Omit<
  LockedCommand,
  'resourceBusy' | 'id' | 'agentId' | 'resourceKey' | 'needsPermit' | 'payloadSha256' | 'startBy' | 'runTimeoutMs'
> = {
  operationId: '',
  workflowId: '',
  state: 'QUEUED',
  permitNo: 0,
  cancelRequested: false,
  incarnation: null,
  startedAt: null,
  endedAt: null,
  runUntil: null,
  effect: 'UNSPECIFIED',
  failure: null,
  output: null,
  resultSha256: null,
  lateResult: null,
};
