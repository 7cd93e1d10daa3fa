// Long, as it is the one place that holds all parts of a simulated world.
import type { Dialer, StreamEvents } from '../../../agent/src/link/stream.ts';
import { cancelledFailure } from '../../../services/agent-gateway/src/command/command.codec.ts';
import { isTerminal } from '../../../services/agent-gateway/src/command/command.ts';
import { agentWords } from '../../../services/agent-gateway/src/gateway/gateway.ts';
import { Bells } from './bells.ts';
import { newCommand } from './command.ts';
import { Desk } from './desk.ts';
import { IdentityDisk, type Certificate } from './identity.ts';
import { issue, release, type Authority } from './registry.ts';
import { Chance } from './chance.ts';
import { Tables } from './database.ts';
import { Folder } from './disk.ts';
import { Machine } from './machine.ts';
import { Wire } from './network.ts';
import { Replica } from './replica.ts';
import { Scheduler } from './scheduler.ts';
import { Site } from './site.ts';

/** An enrolled agent: its machines (more than one only after it was cloned). */
export interface Agent {
  readonly id: string;
  machines: Machine[];
  /** A copy or an older state of its folder was started, or the folder was lost: the exceptions that the protocol names hold. */
  tainted: boolean;
  backup: Folder | undefined;
  /** Something happened to its folder that no person has decided about: a quarantine is due. */
  undecided: boolean;
  /** It happened while the agent was in quarantine already: who its holders are is out of date. */
  murky: boolean;
  /** Quarantines until the last decision. */
  quarantines: number;
}

/** Everything in one process on a virtual clock: agents, gateways, their database and network, and the site. */
export class World {
  readonly time = new Scheduler();
  readonly chance: Chance;
  readonly tables: Tables;
  readonly violations: string[] = [];
  /** How often each agent had recovered when the faults ended. */
  readonly recovered = new Map<string, number>();
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
  readonly authority: Authority;
  /** How agents ask for certificates. */
  readonly desk: Desk;

  constructor(seed: number) {
    this.chance = new Chance(seed);
    this.tables = new Tables(this.dbNow, (what) => this.violate(what));
    this.site = new Site({
      tables: this.tables,
      chance: this.chance,
      violation: (what) => this.violate(what),
      tainted: (id) => this.agents.some((agent) => agent.id === id && agent.tainted),
    });
    const fresh = (): number => ++this.#fresh;
    const certificateMs = this.chance.between(300_000, 1_500_000);
    this.authority = { certificateMs, fresh, wall: () => 1_800_000_000_000 + this.time.now };
    this.desk = new Desk(this, () => this.#faulty);
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
      authority: this.authority,
      violation: (what) => this.violate(what),
      fault: this.fault,
      faulty: () => this.#faulty,
    });
    this.replicas = [...this.replicas.filter((r) => r.endpoint !== endpoint), replica];
    replica.start();
  }

  /** A command for one of a few resources of an agent; perhaps asked for twice. */
  enqueue(): void {
    const agent = this.chance.pick(this.agents);
    const { load, life } = newCommand(this.chance, agent.id, this.tables.commands().length, this.dbNow());
    this.tables.insert(load, life);
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

  isCut(agentId: string, endpoint: string): boolean {
    return this.#partitions.has(`${agentId} ${endpoint}`);
  }

  backUp(agent: Agent): void {
    agent.backup?.close();
    agent.backup = this.chance.pick(agent.machines).folder.copy();
  }

  /** The machine is put back to the state of its backup. */
  restore(agent: Agent): void {
    if (agent.backup === undefined) return;
    this.#befalls(agent);
    for (const machine of agent.machines) machine.retire();
    agent.machines = [this.#machine(agent, agent.backup.copy())];
    agent.machines[0]?.start();
  }

  /** A copy of the machine is started beside it. */
  clone(agent: Agent): void {
    const [original] = agent.machines;
    if (original === undefined || agent.machines.length > 1) return;
    this.#befalls(agent);
    const copy = this.#machine(agent, original.folder.copy());
    agent.machines = [...agent.machines, copy];
    copy.start();
  }

  /** The operator's way out of a quarantine, and after a lost folder: one machine enrols anew with an empty folder. */
  enrolAgain(agent: Agent): void {
    agent.tainted = true;
    this.#decided(agent, false);
    for (const machine of agent.machines) machine.retire();
    const certificate = issue(this.authority);
    const row = this.tables.session(agent.id);
    if (row !== undefined)
      this.tables.putSession(agent.id, {
        ...row,
        epoch: row.epoch + 1,
        open: false,
        continuity: null,
        continuityNext: null,
      });
    this.tables.putAgent(agent.id, { standing: 'ENROLLED', certificateSerial: certificate.serial, recoveries: [] });
    agent.machines = [this.#machine(agent, new Folder(new IdentityDisk(certificate, this.authority.wall())))];
    agent.machines[0]?.start();
  }

  /**
   * A person lets the agent go on: in quarantine as the holder that the machine shows, else it may recover once more. Other machines that are
   * told apart from it are reset later. False when no holder is known by what the machine shows.
   */
  release(agent: Agent, machine: Machine): boolean {
    const quarantined = this.tables.agent(agent.id)?.standing === 'QUARANTINED';
    const holder = machine.folder.holder() ?? '';
    const done = this.tables.atomically(() => release(this.tables, agent.id, holder), false);
    if (done === undefined || !quarantined) return done !== undefined;
    let undecided = agent.murky;
    for (const other of agent.machines) {
      if (other === machine) continue;
      other.denied = done.denied.includes(other.folder.holder() ?? '');
      if (!other.denied) undecided = true;
      else this.time.after(this.chance.between(1_000, 120_000), () => this.#reset(agent, other));
    }
    this.#decided(agent, undecided);
    return true;
  }

  /** How often the agent has recovered so far. */
  recoveries(id: string): number {
    return this.tables.events.filter((e) => e.resourceId === id && e.name === 'agent.recovered').length;
  }

  /** Quarantines of the agent so far. */
  quarantines({ id }: Agent): number {
    return this.tables.events.filter((e) => e.resourceId === id && e.name.startsWith('agent.quarantined')).length;
  }

  /** Something comes over the agent's folder that has to end in quarantine. */
  #befalls(agent: Agent): void {
    agent.tainted = true;
    agent.undecided = true;
    agent.murky = this.tables.agent(agent.id)?.standing === 'QUARANTINED';
  }

  #decided(agent: Agent, undecided: boolean): void {
    agent.undecided = undecided;
    agent.quarantines = this.quarantines(agent);
  }

  #reset(agent: Agent, machine: Machine): void {
    machine.retire();
    agent.machines = agent.machines.filter((each) => each !== machine);
  }

  /** Every agent has a session. */
  get serving(): boolean {
    return this.agents.every(
      ({ id, machines: [machine, ...more] }) =>
        machine?.ready === true && more.length === 0 && this.tables.agent(id)?.standing === 'ONLINE',
    );
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
    const agent: Agent = {
      id,
      machines: [],
      tainted: false,
      backup: undefined,
      undecided: false,
      murky: false,
      quarantines: 0,
    };
    this.agents.push(agent);
    const made = issue(this.authority);
    // Of any age, so that some are renewed, and some end, while the run lasts.
    const age = this.chance.between(0, 0.95) * this.authority.certificateMs;
    const certificate = { ...made, from: made.from - age, ends: made.ends - age };
    this.tables.putAgent(id, { standing: 'ENROLLED', certificateSerial: certificate.serial, recoveries: [] });
    this.tables.putSession(id, {
      epoch: 0,
      gatewayId: '',
      open: false,
      incarnation: null,
      journalLsn: 0n,
      continuity: null,
      continuityNext: null,
      denied: [],
      changedAt: 0,
    });
    const disk = new IdentityDisk(certificate, this.authority.wall() - age);
    agent.machines = [this.#machine(agent, new Folder(disk))];
    agent.machines[0]?.start();
  }

  #machine(agent: Agent, folder: Folder): Machine {
    const wires = new Set<Wire>();
    const machine: Machine = new Machine(folder, {
      agentId: agent.id,
      endpoints: this.replicas.map((r) => r.endpoint).toSorted(),
      time: this.time,
      chance: this.chance,
      site: this.site,
      fault: this.fault,
      faulty: () => this.#faulty,
      violation: (what) => this.violate(`${agent.id}: ${what}`),
      fresh: this.authority.fresh,
      ask: (alive) => this.desk.of(agent.id, alive, (act) => machine.guarded(alive, act)),
      dialer: (alive, certificate) => this.#dialer({ agent, certificate, wires, alive, machine: () => machine }),
      died: (silent) => {
        for (const wire of wires) wire.agentDied(silent);
        wires.clear();
      },
    });
    return machine;
  }

  #dialer(who: {
    readonly agent: Agent;
    readonly certificate: () => Certificate;
    readonly wires: Set<Wire>;
    readonly alive: () => boolean;
    readonly machine: () => Machine;
  }): Dialer {
    const { agent, certificate, wires, alive } = who;
    const inside = (act: () => void): void => who.machine().guarded(alive, act);
    return {
      dial: (endpoint, given) => {
        const events: StreamEvents = {
          reached: (step) => inside(() => given.reached(step)),
          connected: () => inside(() => given.connected()),
          received: (frame) => inside(() => given.received(frame)),
          drained: () => inside(() => given.drained()),
          lost: (why) => inside(() => given.lost(why)),
        };
        const shown = certificate();
        const wire = new Wire({ time: this.time, chance: this.chance, agent: agent.id, gateway: endpoint, events });
        for (const old of this.#wires) if (old.over) this.#wires.delete(old);
        this.#wires.add(wire);
        wires.add(wire);
        this.time.after(this.chance.between(0.5, 40), () => {
          const replica = this.replicas.find((r) => r.endpoint === endpoint && r.alive);
          if (this.#partitions.has(`${agent.id} ${endpoint}`)) return;
          // Who shows a certificate that has ended does not get through the handshake.
          if (replica === undefined || shown.ends <= this.authority.wall()) return wire.break();
          replica.take(wire, {
            orgId: 'org',
            agentId: agent.id,
            certificateSerial: shown.serial,
            certificateEnds: new Date(shown.ends),
            address: '127.0.0.1',
          });
          events.connected();
        });
        return wire.stream;
      },
    };
  }
}
