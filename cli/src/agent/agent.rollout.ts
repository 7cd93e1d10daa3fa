import { AgentUpdateSchema, RolloutSchema, RolloutState, UpdateOutcome } from '@truffle/api/agent/v1/rollout';
import type { Handler } from '../command.ts';
import { UsageError } from '../failure/cli-error.ts';
import { listAgents, present } from '../lookup/find.ts';
import { everyPage } from '../lookup/pages.ts';
import type { View } from '../output/output.ts';
import { stateName, when } from '../output/text.ts';

const rolloutView: View<typeof RolloutSchema> = {
  schema: RolloutSchema,
  name: (each) => each.version,
  columns: {
    VERSION: (each) => each.version || '-',
    PERCENT: (each) => String(each.percent),
    STATE: (each) => stateName(RolloutState, each.state),
    UPDATED: (each) => String(each.updated),
    'ROLLED BACK': (each) => String(each.rolledBack),
  },
  card: (each) => [
    ['version', each.version || 'none: agents stay as they are'],
    ['percent', String(each.percent)],
    ['state', `${stateName(RolloutState, each.state)}${each.reason === '' ? '' : ` (${each.reason})`}`],
    ['halts at', `${each.failureLimitPercent} % of those that tried it`],
    ['updated', String(each.updated)],
    ['rolled back', String(each.rolledBack)],
    ['changed', each.changedAt === undefined ? 'never' : when(each.changedAt)],
  ],
};

export const get: Handler = async (cli) => {
  const session = await cli.session();
  const { rollout } = await session.api.rollouts.getRollout({ orgId: await session.orgId() });
  await cli.out.one(rolloutView, present(rollout));
};

/** What is not named stays as it is. */
export const set: Handler<{
  readonly percent?: string;
  readonly failureLimit?: string;
  readonly pause?: boolean;
}> = async (cli, [wanted], flags) => {
  const session = await cli.session();
  const orgId = await session.orgId();
  const before = present((await session.api.rollouts.getRollout({ orgId })).rollout);
  const version = wanted ?? before.version;
  if (version === '') throw new UsageError('say which version: truffle agent rollout set 1.2.3');
  const { rollout } = await session.api.rollouts.setRollout({
    orgId,
    version,
    percent: shareOf('--percent', flags.percent, before.percent),
    failureLimitPercent: shareOf('--failure-limit', flags.failureLimit, before.failureLimitPercent),
    paused: flags.pause ?? false,
    revision: before.revision,
  });
  await cli.out.one(rolloutView, present(rollout));
};

function shareOf(flag: string, given: string | undefined, before: number): number {
  if (given === undefined) return before;
  if (!/^\d{1,3}$/.test(given) || Number(given) > 100) throw new UsageError(`${flag} wants a number from 0 to 100`);
  return Number(given);
}

export const updates: Handler = async (cli) => {
  const session = await cli.session();
  const orgId = await session.orgId();
  const [agents, found] = await Promise.all([
    listAgents(session),
    everyPage(async (page) => {
      const answer = await session.api.rollouts.listAgentUpdates({ orgId, page });
      return { items: answer.updates, next: answer.page?.next };
    }),
  ]);
  const names = new Map(agents.map(({ id, name }) => [id, name]));
  const view: View<typeof AgentUpdateSchema> = {
    schema: AgentUpdateSchema,
    name: (each) => each.agentId,
    columns: {
      AGENT: (each) => names.get(each.agentId) ?? each.agentId,
      FROM: (each) => each.fromVersion,
      TO: (each) => each.toVersion,
      OUTCOME: (each) => stateName(UpdateOutcome, each.outcome),
      ENDED: (each) => when(each.endedAt),
      REASON: (each) => each.reason,
    },
  };
  await cli.out.list(view, found);
};
