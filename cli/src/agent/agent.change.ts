import type { Handler } from '../command.ts';
import { newestEntry, sealingKeyOf, trusting } from '../cluster/cluster.seal.ts';
import { UsageError } from '../failure/cli-error.ts';
import { findAgent, present } from '../lookup/find.ts';
import { when } from '../output/text.ts';
import { agentView, holderLine } from './agent.view.ts';
import { askText, askYes, demandName } from '../prompt/prompt.ts';

export const trust: Handler<{ readonly yes?: boolean }> = async (cli, [name = ''], { yes = false }) => {
  const session = await cli.session();
  const agent = await findAgent(session, name);
  const { fingerprint, keyId } = sealingKeyOf(agent);
  const known = cli.config.read().knownAgents[agent.id];
  if (known?.keyId !== keyId) {
    if (known !== undefined) cli.notes.say(`trusted so far: ${known.fingerprint}`);
    cli.notes.say(`its key now:    ${fingerprint}`);
    if (!yes && !(await askYes(cli, 'Does the site say the same (truffle-agent status)?')))
      throw new UsageError('nothing was changed', { next: ['find out who changed the key'] });
    const { entries } = await session.api.sealingKeys.listSealingKeys({ agentId: agent.id });
    // What is trusted anew is trusted with its log as it is now, not with what was seen of another one.
    const entry = newestEntry({ ...cli.config.read(), knownAgents: {} }, agent, entries);
    cli.config.change((config) => trusting(config, agent, entry));
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

/** Lets an agent out of quarantine; the holder is named by what its own machine shows, since only a person knows which one that is. */
export const release: Handler<{ readonly holder?: string }> = async (cli, [name = ''], { holder = '' }) => {
  const session = await cli.session();
  const { id, name: known, revision, quarantine } = await findAgent(session, name);
  if (quarantine !== undefined && quarantine.holders.length > 0 && holder === '')
    throw new UsageError(`say which holder of ${known} goes on: --holder FINGERPRINT`, {
      details: quarantine.holders.map(holderLine),
      next: [
        'read it on the machine that shall go on: truffle-agent status',
        'reset the other: truffle-agent reset --yes',
      ],
    });
  const answer = await session.api.agents.releaseAgent({ agentId: id, revision, holder });
  await cli.out.one(agentView, present(answer.agent));
  cli.notes.say(
    quarantine === undefined
      ? `${known} may recover by itself once more`
      : `${known} is out of quarantine; any other holder needs truffle-agent reset and a new join token`,
  );
};

export const approve: Handler<{ readonly fingerprint?: string }> = async (cli, [name = ''], { fingerprint = '' }) => {
  const session = await cli.session();
  const { id, revision } = await findAgent(session, name);
  const words =
    fingerprint === ''
      ? await askText(cli, 'The words that its site prints (truffle-agent status: approval)', '--fingerprint')
      : fingerprint;
  const { agent } = await session.api.agents.approveAgent({ agentId: id, revision, fingerprint: words });
  await cli.out.one(agentView, present(agent));
};

export const createJoinToken: Handler<{ readonly requireApproval?: boolean }> = async (
  cli,
  [agentName = ''],
  { requireApproval = false },
) => {
  const session = await cli.session();
  const { token, caPin, expiresAt } = await session.api.agents.createJoinToken({
    orgId: await session.orgId(),
    agentName,
    requireApproval,
  });
  const endpoint = session.context.endpoint.value;
  // A shell's builtin: the token is on no command line.
  const writeToken = `(umask 077; printf '%s' '${token}' > join-token)`;
  const terms = `--server ${endpoint} --token-file join-token --ca-pin ${caPin} --config site.yaml`;
  const command = `${writeToken}\ncurl -fsSL ${endpoint}/install.sh | sudo sh -s -- ${terms}`;
  const byHand = `${writeToken}\ntruffle-agent run --join ${terms}`;
  await cli.out.plain({ token, caPin, expiresAt: when(expiresAt), command, byHand }, command, token);
  cli.notes.say(`type this on the site; the token is good once, until ${when(expiresAt)}, and is shown only now`);
  cli.notes.say(`without systemd, with the program at hand: truffle-agent run --join ${terms}`);
  if (requireApproval)
    cli.notes.say(`the agent then prints words; compare them: truffle agent approve ${agentName} --fingerprint WORDS`);
};
