import { isTerminal } from '../../../services/agent-gateway/src/command/command.ts';
import { answer, operate } from './operator.ts';
import { World, type Agent } from './world.ts';

/** What a run showed. */
export interface Report {
  readonly seed: number;
  readonly violations: readonly string[];
  /** Faults by name. */
  readonly faults: ReadonlyMap<string, number>;
  readonly commands: number;
  /** How commands ended. */
  readonly ends: ReadonlyMap<string, number>;
}

/** A fault and how often it comes, beside the others. */
type Fault = readonly [weight: number, name: string, does: (world: World) => void];

const faults: readonly Fault[] = [
  [8, 'connection broken', (w) => w.wires.length > 0 && w.chance.pick(w.wires).break()],
  [
    6,
    'network stalled',
    (w) => {
      const [agent, replica] = [w.chance.pick(w.agents), w.chance.pick(w.replicas)];
      w.partition(agent.id, replica.endpoint, true);
      w.time.after(w.chance.between(200, w.chance.hits(0.5) ? 8_000 : 70_000), () =>
        w.partition(agent.id, replica.endpoint, false),
      );
    },
  ],
  [5, 'agent killed', (w) => w.chance.pick(w.machines).crash(false)],
  [2, 'power cut', (w) => w.chance.pick(w.machines).crash(true)],
  [2, 'agent stopped', (w) => void w.chance.pick(w.machines).restart()],
  [
    3,
    'gateway killed',
    (w) => {
      const replica = w.chance.pick(w.replicas);
      if (!replica.alive) return;
      replica.crash(w.chance.hits(0.3));
      w.time.after(w.chance.between(500, 40_000), () => w.startReplica(replica.endpoint));
    },
  ],
  [
    2,
    'gateway drained',
    (w) => {
      const replica = w.chance.pick(w.replicas);
      if (replica.alive) void replica.drain().then(() => w.startReplica(replica.endpoint));
    },
  ],
  [2, 'gateway without database', (w) => w.chance.pick(w.replicas).cutOff(w.chance.between(500, 40_000))],
  [2, "agent's clock jumped", (w) => w.chance.pick(w.machines).jumpClock(w.chance.between(-4e9, 4e9))],
  [1, "database's clock jumped", (w) => w.jumpDatabaseClock(w.chance.between(-2_000, 10_000))],
  [2, 'disk full', (w) => w.chance.pick(w.machines).fillDisk(w.chance.between(500, 20_000))],
  [2, 'no certificates issued', (w) => (w.desk.awayUntil = w.time.now + w.chance.between(10_000, 300_000))],
  [1, 'backup taken', (w) => w.backUp(w.chance.pick(w.agents))],
  [
    4,
    'command cancelled',
    (w) => {
      const open = w.tables.commands().filter(({ life }) => !isTerminal(life.state));
      if (open.length > 0) void w.cancel(w.chance.pick(open).life.id);
    },
  ],
];

/** What an operator must answer: rare, and only in some runs, as most of what is promised holds without exceptions. */
const disasters: readonly Fault[] = [
  [1, 'folder restored', (w) => w.restore(w.chance.pick(w.agents))],
  [1, 'folder cloned', (w) => w.clone(w.chance.pick(w.agents))],
  [1, 'folder lost', (w) => w.enrolAgain(w.chance.pick(w.agents))],
];

function strike(world: World, among: readonly Fault[]): void {
  let at = world.chance.next() * among.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, name, does] of among) {
    at -= weight;
    if (at > 0) continue;
    world.fault(name);
    does(world);
    return;
  }
}

/** One run: a schedule of commands and faults drawn from the seed, then peace, then everything is looked at. */
export async function simulate(seed: number): Promise<Report> {
  const world = new World(seed);
  const { chance, time } = world;
  const withDisasters = chance.hits(0.3);
  const commands = 4 + chance.below(20);
  const length = chance.between(60_000, 400_000);
  for (let i = 0; i < commands; i++) time.after(chance.next() * length, () => world.enqueue());
  const strikes = 10 + chance.below(60);
  for (let i = 0; i < strikes; i++) time.after(chance.next() * length, () => strike(world, faults));
  if (withDisasters)
    for (let i = 0; i <= chance.below(2); i++) time.after(chance.next() * length, () => strike(world, disasters));
  for (let at = 0; at < length; at += 30_000) time.after(at + chance.between(0, 30_000), () => operate(world));
  await time.run(length, () => world.violations.length > 0);
  const peaceAt = world.dbNow();
  if (world.violations.length === 0) await peace(world);
  if (world.violations.length === 0) judge(world, peaceAt);
  world.close();
  const lives = world.tables.commands().map(({ life }) => life);
  return {
    seed,
    violations: world.violations,
    faults: world.faults,
    commands: lives.length,
    ends: new Map([...Map.groupBy(lives, (life) => life.state)].map(([state, all]) => [state, all.length])),
  };
}

/** Refusals that only a new enrolment ends: the holder that was meant to go on is gone. */
const ends: readonly string[] = ['CERTIFICATE_SUPERSEDED', 'NOT_CHOSEN'];

/** Nothing fails any more, and an operator answers each quarantine: everything comes to its end. */
async function peace(world: World): Promise<void> {
  const { time } = world;
  world.heal();
  for (const { id } of world.agents) world.recovered.set(id, world.recoveries(id));
  const copied = world.agents.filter((agent) => agent.undecided && agent.machines.length > 1);
  await time.run(time.now + 400_000, () => world.settled && world.serving && copied.length === 0);
  for (const agent of copied) if (areUnnoticed(world, agent)) world.violate(`two copies of ${agent.id} work unnoticed`);
  for (let round = 0; round < 40 && !(world.settled && world.serving); round++) {
    world.heal();
    for (const agent of world.agents) {
      const givenUp = agent.machines.some(({ refusal }) => refusal !== undefined && ends.includes(refusal));
      if (givenUp || (agent.machines.length > 1 && !isHeld(world, agent))) world.enrolAgain(agent);
      else answer(world, agent);
    }
    await time.run(time.now + 180_000, () => world.settled && world.serving);
  }
  // What is acknowledged twice, or comes late, must change nothing; and whoever waited to try again has.
  await time.run(time.now + 310_000);
  // A recovery that was refused waits for a person, however well the agent does until its certificate ends; it asks again within the hour.
  if (world.agents.some(({ id }) => world.tables.agent(id)?.recoveryRefused === true)) {
    for (const agent of world.agents) answer(world, agent);
    await time.run(time.now + 3_700_000);
  }
  const recoveries = new Map(world.agents.map(({ id }) => [id, world.recoveries(id)]));
  await time.run(time.now + world.authority.certificateMs);
  for (const { id, tainted } of world.agents)
    if (!tainted && world.recoveries(id) !== recoveries.get(id)) world.violate(`${id} did not renew its certificate`);
}

const isHeld = (world: World, agent: Agent): boolean => world.tables.agent(agent.id)?.standing === 'QUARANTINED';

/** Of two holders at most one may be served without quarantine, while the other does not get in with a certificate that was renewed since. */
const areUnnoticed = (world: World, agent: Agent): boolean =>
  agent.undecided &&
  !isHeld(world, agent) &&
  agent.machines.filter((machine) => machine.ready || machine.servedAt > world.time.now - 200_000).length > 1;

/** Milliseconds of peace after which whatever waits must have begun, where nothing is in its way. */
const promptMs = 240_000;

function judge(world: World, peaceAt: number): void {
  const { tables, site } = world;
  const lost = new Set(tables.events.filter((e) => e.name === 'command.lost').map((e) => e.resourceId));
  for (const { life } of tables.commands()) {
    const tainted = world.agents.some((agent) => agent.id === life.agentId && agent.tainted);
    const effects = site.effects(life.id);
    const ended = isTerminal(life.state);
    if (!ended && !(life.state === 'UNKNOWN' && tainted && lost.has(life.id)))
      world.violate(`${life.id} was lost: it is ${life.state}`);
    if (life.state === 'SUCCEEDED' && life.needsPermit && effects !== 1)
      world.violate(`${life.id} succeeded with ${effects} effects`);
    if (ended && life.effect === 'NONE' && effects > 0 && !tainted)
      world.violate(`${life.id} ended without effect but had one`);
    // Nothing is in the way of an agent that has a certificate.
    const hindered = world.recoveries(life.agentId) > (world.recovered.get(life.agentId) ?? 0);
    if (life.state === 'EXPIRED' && life.startBy > peaceAt + promptMs && !tainted && !hindered)
      world.violate(`${life.id} was forgotten until it expired`);
    if (life.lateResult !== null && !tainted) world.violate(`${life.id} has two different results`);
  }
  if (!world.serving) world.violate('an agent has no session in the end');
  for (const { id } of world.agents) {
    if ((tables.agent(id)?.recoveries.length ?? 0) > 1) world.violate(`${id} recovered more often than it may`);
  }
  for (const agent of world.agents)
    if (!agent.undecided && world.quarantines(agent) > agent.quarantines)
      world.violate(`${agent.id} was quarantined though a person had decided`);
  for (const machine of world.machines)
    if (machine.held !== 0) world.violate(`an agent still holds ${machine.held} commands`);
  for (const event of tables.events)
    if (event.name.startsWith('agent.quarantined') && !world.agents.some((a) => a.id === event.resourceId && a.tainted))
      world.violate(`an honest agent was quarantined: ${event.name}`);
}
