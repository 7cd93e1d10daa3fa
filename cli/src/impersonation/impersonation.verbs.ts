import { durationFromMs } from '@bufbuild/protobuf/wkt';
import type { Handler } from '../command.ts';
import { parseDuration } from '../context/duration.ts';
import { UsageError } from '../failure/cli-error.ts';
import { when } from '../output/text.ts';

/** The context that a session as somebody is kept in. */
const contextOf = (email: string): string => `as-${email.toLowerCase()}`;

interface StartFlags {
  readonly reason?: string;
  readonly for?: string;
}

export const start: Handler<StartFlags> = async (cli, [email = ''], flags) => {
  const { reason } = flags;
  if (reason === undefined)
    throw new UsageError('--reason is required: the member reads it', {
      next: [`truffle impersonation start ${email} --reason TEXT`],
    });
  const lifetime = flags.for === undefined ? {} : { lifetime: durationFromMs(parseDuration(flags.for, '--for')) };
  const session = await cli.session();
  const orgId = await session.orgId();
  const { sessionToken, expiresAt } = await session.api.impersonations.startImpersonation({
    orgId,
    email,
    reason,
    ...lifetime,
  });
  const endpoint = cli.context().endpoint.value;
  const name = contextOf(email);
  const stored = { endpoint, token: sessionToken, user: `${email} (acting)`, org: orgId };
  // The context in use stays: nobody goes on as somebody else by accident.
  cli.config.change((config) => ({ ...config, contexts: { ...config.contexts, [name]: stored } }));
  await cli.out.plain(
    { context: name, email, expiresAt: when(expiresAt) },
    `you may act as ${email} until ${when(expiresAt)}: add --context ${name} to a command`,
    name,
  );
};

export const end: Handler = async (cli, [email = '']) => {
  const name = contextOf(email);
  const stored = cli.config.read().contexts[name];
  if (stored?.token === undefined || stored.endpoint !== cli.context().endpoint.value)
    throw new UsageError(`you do not act as ${email} at ${cli.context().endpoint.value}`, {
      next: ['truffle context list'],
    });
  const { api } = await cli.sessionWith(stored.token);
  await api.accounts.signOut({});
  cli.config.change((config) => ({
    ...config,
    contexts: Object.fromEntries(Object.entries(config.contexts).filter(([each]) => each !== name)),
  }));
  await cli.out.plain({ email, acting: false }, `you act as ${email} no longer`, email);
};
