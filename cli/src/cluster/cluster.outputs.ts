import { randomBytes } from 'node:crypto';
import { ConnectError } from '@connectrpc/connect';
import { ErrorInfoSchema } from '@truffle/api/google/rpc/error_details';
import type { Cluster } from '@truffle/api/orchestration/v1/cluster';
import { fingerprintWords, openOutput, recipientText, SealedValueError, type SealingKeyPair } from '@truffle/sealing';
import type { Handler } from '../command.ts';
import { CliError, exitCodes } from '../failure/cli-error.ts';
import type { Invocation } from '../invocation.ts';
import { keyPath, readKey } from '../key/key.file.ts';
import { findAgent, findCluster } from '../lookup/find.ts';
import { table } from '../output/table.ts';
import type { Session } from '../session.ts';
import { sealingKeyOf } from './cluster.seal.ts';
import { trustAtFirstUse } from './cluster.trust.ts';

const nonceBytes = 32;
/** What the control plane says of a sensitive output. */
const kept = '(kept on the site)';

/** The site's policy does not name the person's key. The line to add is made here: no other's word is taken for what the key is. */
class NotARecipientError extends CliError {
  override readonly name = 'NotARecipientError';
  constructor(publicKey: Uint8Array, cause: unknown) {
    super(exitCodes.conflict, 'POLICY_VIOLATION', 'the site tells its secrets to no key that you have', {
      cause,
      details: [`yours: ${fingerprintWords(publicKey)}`],
      next: [
        `have the site's operator add this to the agent's policy file (truffle-agent run --policy FILE): recipients: [${recipientText(publicKey)}]`,
        'then repeat the command',
      ],
    });
  }
}

/** What came does not open: it is not what the agent sealed for this request. */
class OutputNotOpenedError extends CliError {
  override readonly name = 'OutputNotOpenedError';
  constructor(name: string, agent: string, cause: unknown) {
    super(
      exitCodes.failure,
      'OUTPUT_NOT_OPENED',
      `the output ${name} is not one that the agent ${agent} sealed for you just now`,
      {
        cause,
        next: ['repeat the command', 'if it stays, report it: something between here and the site changed it'],
      },
    );
  }
}

export const outputs: Handler<{ readonly reveal?: boolean }> = async (cli, [name = ''], { reveal = false }) => {
  const session = await cli.session();
  const cluster = await findCluster(session, name);
  const revealed = reveal ? await revealedTo(readKey(keyPath(cli)), cli, session, cluster) : {};
  const all = { ...cluster.outputs, ...revealed };
  const names = Object.keys(all).toSorted();
  // Who else could have written the value: what came sealed is the site's, the rest the control plane's word.
  const rows = names.map((each) => [
    each,
    all[each] ?? '',
    each in revealed ? 'the site, sealed' : 'the control plane',
  ]);
  await cli.out.plain(all, table(['NAME', 'VALUE', 'FROM'], rows), names.join('\n'));
  if (!reveal && Object.values(all).includes(kept)) cli.notes.say('what is kept on the site is shown with --reveal');
  if (names.length === 0) cli.notes.say(`the cluster ${cluster.name} has no outputs`);
};

async function revealedTo(
  key: SealingKeyPair,
  cli: Invocation,
  session: Session,
  cluster: Cluster,
): Promise<Record<string, string>> {
  const agent = await findAgent(session, cluster.agentId);
  await trustAtFirstUse(cli, session, agent);
  const nonce = randomBytes(nonceBytes);
  const answer = await session.api.clusters
    .revealOutputs({ clusterId: cluster.id, recipientPublicKey: key.publicKey, nonce })
    .catch((error: unknown) => {
      throw isUnlisted(error) ? new NotARecipientError(key.publicKey, error) : error;
    });
  const keys = { recipient: key.privateKey, sender: sealingKeyOf(agent).publicKey };
  const opened = answer.outputs.map(async ({ name: output, sealed }) => {
    const bound = { tenant: agent.orgId, agent: agent.id, cluster: cluster.id, output, nonce };
    try {
      const value = await openOutput(keys, key.publicKey, sealed, bound);
      return [output, new TextDecoder('utf-8', { fatal: true }).decode(value)] as const;
    } catch (error) {
      throw error instanceof SealedValueError ? new OutputNotOpenedError(output, agent.name, error) : error;
    }
  });
  return Object.fromEntries(await Promise.all(opened));
}

function isUnlisted(error: unknown): boolean {
  const [info] = error instanceof ConnectError ? error.findDetails(ErrorInfoSchema) : [];
  return info?.reason === 'POLICY_VIOLATION' && info.metadata['rule'] === 'recipients';
}
