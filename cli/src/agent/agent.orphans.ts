import type { Agent } from '@truffle/api/agent/v1/agent';
import { OrphanSchema, OrphanState, type Orphan } from '@truffle/api/orchestration/v1/orphan_service';
import type { Handler } from '../command.ts';
import { CliError, exitCodes, InterruptedError } from '../failure/cli-error.ts';
import { findAgent } from '../lookup/find.ts';
import type { View } from '../output/output.ts';
import { stateName } from '../output/text.ts';
import { askYes } from '../prompt/prompt.ts';
import type { Session } from '../session.ts';

/** With the command, where only an operator can go on. */
const reasonOf = ({ reason, command }: Orphan): string => (command === '' ? reason : `${reason}: ${command}`);

const orphanView: View<typeof OrphanSchema> = {
  schema: OrphanSchema,
  name: (each) => String(each.vmid),
  columns: {
    VMID: (each) => String(each.vmid),
    NODE: (each) => each.node || '-',
    SERVER: (each) => each.serverName || each.serverId,
    STATE: (each) => stateName(OrphanState, each.state),
    WHY: reasonOf,
  },
};

/** What is looked for is shown before anything is removed; ends with 1 when something could not be. */
export const orphans: Handler<{ readonly remove?: boolean; readonly yes?: boolean }> = async (
  cli,
  [name = ''],
  { remove = false, yes = false },
) => {
  const session = await cli.session();
  const agent = await findAgent(session, name);
  const found = await collect(session, agent, false);
  const removable = found.filter((each) => each.state !== OrphanState.OPERATOR_REQUIRED);
  if (!remove || removable.length === 0) {
    await cli.out.list(orphanView, found);
    if (found.length === 0) return cli.notes.say(`no orphans at ${agent.name}`);
    return cli.notes.say(
      removable.length === 0
        ? `an operator of the site has to go on: run what WHY ends with, then look again`
        : `remove them: truffle agent orphans ${agent.name} --remove`,
    );
  }
  const what = removable.map((each) => `${each.vmid} (${each.serverName || each.serverId})`).join(', ');
  if (!yes && !(await askYes(cli, `Remove ${what} from the site of ${agent.name}, with all data?`)))
    throw new InterruptedError('nothing was removed', ['repeat the command, or use --yes']);
  const left = await collect(session, agent, true);
  await cli.out.list(orphanView, left);
  const failed = left.filter((each) => each.state !== OrphanState.REMOVED);
  if (failed.length > 0)
    throw new CliError(exitCodes.failure, 'ORPHANS_LEFT', `${failed.length} of ${left.length} could not be removed`, {
      details: failed.map(reasonOf).filter(Boolean),
      next: [`truffle agent orphans ${agent.name}`],
    });
};

const collect = async (session: Session, { id }: Agent, remove: boolean): Promise<readonly Orphan[]> =>
  (await session.api.orphans.collectOrphans({ agentId: id, remove })).orphans;
