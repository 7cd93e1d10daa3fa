import type { Agent } from '@truffle/api/agent/v1/agent';
import type { Invocation } from '../invocation.ts';
import type { Session } from '../session.ts';
import { checkKnown, newestEntry, sealingKeyOf, trusting } from './cluster.seal.ts';

/** The first key seen of an agent is trusted and kept; another one later is refused. @throws SealingKeyError */
export async function trustAtFirstUse(cli: Invocation, session: Session, agent: Agent): Promise<void> {
  const { entries } = await session.api.sealingKeys.listSealingKeys({ agentId: agent.id });
  const entry = newestEntry(cli.config.read(), agent, entries);
  const before = cli.config.read().knownAgents[agent.id];
  if (checkKnown(cli.config.read(), agent, entry) === 'known') return;
  cli.config.change((config) => trusting(config, agent, entry));
  const { keyId, fingerprint } = sealingKeyOf(agent);
  if (before !== undefined && before.keyId !== keyId)
    cli.notes.say(`the agent ${agent.name} has given up its sealing key for another, which it signed: ${fingerprint}`);
  if (before !== undefined) return;
  cli.notes.say(
    `first secrets to or from the agent ${agent.name}; its key is ${fingerprint}\n  compare with what the site says: truffle-agent status`,
  );
}
