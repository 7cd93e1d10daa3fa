import type { Handler } from '../command.ts';
import { CliError, exitCodes, UsageError } from '../failure/cli-error.ts';
import { findAgent } from '../lookup/find.ts';
import { printable } from '../output/printable.ts';
import { age } from '../output/text.ts';

/** What the agent found wrong on its site the last time it looked; ends with 1 when there is something. */
export const preflight: Handler = async (cli, [name = '']) => {
  const { name: agentName, inventory } = await findAgent(await cli.session(), name);
  if (inventory === undefined)
    throw new UsageError(`the site of ${agentName} is not reported yet`, {
      next: [`truffle agent watch ${agentName}`, 'on the site: truffle-agent preflight --config site.yaml'],
    });
  const problems = inventory.problems.map(printable);
  const ready = problems.length === 0;
  const looked = `looked at ${age(inventory.takenAt, cli.now())} ago`;
  const text = ready ? `${agentName}: ready (${looked})` : problems.map((each) => `- ${each}`).join('\n');
  await cli.out.plain({ agent: agentName, ready, problems }, text, agentName);
  if (!ready)
    throw new CliError(
      exitCodes.failure,
      'SITE_NOT_READY',
      `${problems.length} problems on the site of ${agentName} (${looked})`,
      {
        next: ['mend them on the site, then look there at once: truffle-agent preflight --config site.yaml'],
      },
    );
};
