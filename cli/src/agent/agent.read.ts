import { AgentState, type Agent } from '@truffle/api/agent/v1/agent';
import type { Handler } from '../command.ts';
import { watchChanges } from '../event/event.changes.ts';
import { findAgent, listAgents } from '../lookup/find.ts';
import type { SortFlags } from '../lookup/sort.ts';
import { printable } from '../output/printable.ts';
import { clock, stateName, when } from '../output/text.ts';
import { agentView } from './agent.view.ts';

export const list: Handler<SortFlags> = async (cli, _, { sort }) => {
  const found = await listAgents(await cli.session(), '', sort);
  await cli.out.list(agentView, found);
  for (const { name, quarantine } of found)
    if (quarantine !== undefined)
      cli.notes.say(
        `the site ${printable(name)} does no work since ${when(quarantine.since)} (${quarantine.reason}); what ends that: truffle agent get ${printable(name)}`,
      );
  if (found.length === 0) cli.notes.say('no site is connected yet; connect one: truffle agent join-token create NAME');
};

export const get: Handler = async (cli, [name = '']) => {
  await cli.out.one(agentView, await findAgent(await cli.session(), name));
};

export const ping: Handler = async (cli, [name = '']) => {
  const session = await cli.session();
  const agent = await findAgent(session, name);
  const { roundTrip } = await session.api.agents.pingAgent({ agentId: agent.id });
  const milliseconds = Number(roundTrip?.seconds ?? 0n) * 1_000 + (roundTrip?.nanos ?? 0) / 1e6;
  await cli.out.plain(
    { agentId: agent.id, milliseconds },
    `${agent.name} answered in ${milliseconds.toFixed(1)} ms`,
    agent.name,
  );
};

export const watch: Handler = async (cli, [name]) => {
  const session = await cli.session();
  const chosen = name === undefined ? undefined : (await findAgent(session, name)).id;
  const seen = new Map<string, string>();
  const show = async (agent: Agent): Promise<void> => {
    const text = `${printable(agent.name)}  ${stateName(AgentState, agent.state)}`;
    const state = `${agent.state} ${agent.openCommands} ${agent.version}`;
    if (seen.get(agent.id) === state) return;
    seen.set(agent.id, state);
    await cli.out.item(
      agentView,
      agent,
      `${clock(cli.now())}  ${text}${agent.openCommands === 0 ? '' : `, ${agent.openCommands} commands`}`,
    );
  };
  await watchChanges(
    cli,
    session,
    (event) => event.resourceId.startsWith('agt_'),
    async () => {
      for (const agent of await listAgents(session)) if (chosen === undefined || agent.id === chosen) await show(agent);
    },
  );
};
