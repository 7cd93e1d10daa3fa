import type { Agent, World } from './world.ts';

/** A person who looks now and then, and answers what waits for one: quarantines, recoveries that were refused. */
export function operate(world: World): void {
  for (const agent of world.agents) if (world.chance.hits(0.7)) answer(world, agent);
}

/** What a person does about one agent; nothing when all is well. */
export function answer(world: World, agent: Agent): void {
  const row = world.tables.agent(agent.id);
  if (row?.standing === 'QUARANTINED') return decide(world, agent);
  if (row?.recoveryRefused === true) {
    const [machine] = agent.machines;
    if (machine === undefined) return;
    world.fault('recovery allowed');
    world.release(agent, machine);
  }
}

function decide(world: World, agent: Agent): void {
  const { chance } = world;
  const holders = agent.machines.filter((machine) => !machine.denied);
  if (holders.length > 0 && chance.hits(0.7)) {
    world.fault('quarantine released');
    if (world.release(agent, chance.pick(holders))) return;
  }
  world.fault('agent enrolled anew');
  world.enrolAgain(agent);
}
