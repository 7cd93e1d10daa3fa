import type { Handler } from '../command.ts';
import { sealingKeyOf, trusting } from '../cluster/cluster.seal.ts';
import { UsageError } from '../failure/cli-error.ts';
import { findAgent } from '../lookup/find.ts';
import { when } from '../output/text.ts';
import { askYes, demandName } from '../prompt/prompt.ts';

export const trust: Handler<{ readonly yes?: boolean }> = async (cli, [name = ''], { yes = false }) => {
  const agent = await findAgent(await cli.session(), name);
  const { fingerprint, keyId } = sealingKeyOf(agent);
  const known = cli.config.read().knownAgents[agent.id];
  if (known?.keyId !== keyId) {
    if (known !== undefined) cli.notes.say(`trusted so far: ${known.fingerprint}`);
    cli.notes.say(`its key now:    ${fingerprint}`);
    if (!yes && !(await askYes(cli, 'Does the site say the same (truffle-agent status)?')))
      throw new UsageError('nothing was changed', { next: ['find out who changed the key'] });
    cli.config.change((config) => trusting(config, agent));
  }
  await cli.out.plain(
    { agentId: agent.id, keyId, fingerprint },
    `the key of ${agent.name} is trusted: ${fingerprint}`,
    agent.name,
  );
};

export const remove: Handler<{ readonly yes?: boolean }> = async (cli, [name = ''], { yes = false }) => {
  const session = await cli.session();
  const agent = await findAgent(session, name);
  await demandName(cli, `cuts the site of the agent ${agent.name} off for good`, agent.name, yes);
  await session.api.agents.deleteAgent({ agentId: agent.id });
  await cli.out.plain({ id: agent.id, deleted: true }, `agent ${agent.name} revoked`, agent.name);
};

export const createJoinToken: Handler = async (cli, [agentName = '']) => {
  const session = await cli.session();
  const { token, caPin, expiresAt } = await session.api.agents.createJoinToken({
    orgId: await session.orgId(),
    agentName,
  });
  const endpoint = session.context.endpoint.value;
  // A shell's builtin: the token is on no command line.
  const command = [
    `printf '%s' '${token}' > join-token`,
    `truffle-agent run --join --server ${endpoint} --token-file join-token --ca-pin ${caPin} --config site.yaml`,
  ].join('\n');
  await cli.out.plain({ token, caPin, expiresAt: when(expiresAt), command }, command, token);
  cli.notes.say(`type this on the site; the token is good once, until ${when(expiresAt)}, and is shown only now`);
};
