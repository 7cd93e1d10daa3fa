import {
  AuditStreamKind,
  AuditStreamSchema,
  AuditStreamState,
  type AuditStream,
} from '@truffle/api/tenant/v1/audit_stream';
import type { Handler } from '../command.ts';
import { CliError, exitCodes, UsageError } from '../failure/cli-error.ts';
import { readInput } from '../invoke.ts';
import { findByName } from '../lookup/lookup.ts';
import { everyPage } from '../lookup/pages.ts';
import type { SortFlags } from '../lookup/sort.ts';
import type { View } from '../output/output.ts';
import { when } from '../output/text.ts';
import type { Session } from '../session.ts';

const kinds: Readonly<Record<string, AuditStreamKind>> = {
  webhook: AuditStreamKind.WEBHOOK,
  'syslog-tls': AuditStreamKind.SYSLOG_TLS,
  'syslog-tcp': AuditStreamKind.SYSLOG_TCP,
};

const streamView: View<typeof AuditStreamSchema> = {
  schema: AuditStreamSchema,
  name: (each) => each.name,
  columns: {
    NAME: (each) => each.name,
    STATE: (each) => (each.state === AuditStreamState.DISABLED ? 'disabled' : each.failures > 0 ? 'failing' : 'active'),
    TO: (each) => each.target?.address ?? '',
    SENT: (each) => String(each.cursor),
    LAST: (each) => (each.lastDeliveredAt === undefined ? '-' : when(each.lastDeliveredAt)),
    FAILURES: (each) => String(each.failures),
    WHY: (each) => each.lastError || '-',
  },
};

/** The receiver did not take the ping. */
class PingFailedError extends CliError {
  override readonly name = 'PingFailedError';
  constructor(name: string, why: string) {
    super(exitCodes.failure, 'PING_FAILED', `the stream ${name} does not reach its receiver: ${why}`, {
      next: ['check the address, the certificate and that the receiver runs, then repeat the command'],
    });
  }
}

async function allOf(session: Session, orderBy = ''): Promise<AuditStream[]> {
  const orgId = await session.orgId();
  return everyPage(async (page) => {
    const answer = await session.api.auditStreams.listAuditStreams({ orgId, orderBy, page });
    return { items: answer.auditStreams, next: answer.page?.next };
  });
}

const find = async (session: Session, name: string): Promise<AuditStream> =>
  findByName('audit stream', name, await allOf(session), ['truffle audit stream list']);

export const list: Handler<SortFlags> = async (cli, _, { sort }) =>
  cli.out.list(streamView, await allOf(await cli.session(), sort));

export const create: Handler<{ readonly kind?: string; readonly ca?: string }> = async (
  cli,
  [name = '', address = ''],
  { kind: kindName = 'webhook', ca },
) => {
  const kind = kinds[kindName];
  if (kind === undefined)
    throw new UsageError(`--kind ${kindName} is none`, { next: [`one of ${Object.keys(kinds).join(', ')}`] });
  const caPem = ca === undefined ? '' : readInput(ca, '--ca');
  const session = await cli.session();
  const target = { kind, address, caPem };
  const orgId = await session.orgId();
  const { auditStream, secret } = await session.api.auditStreams.createAuditStream({ orgId, name, target });
  const text = secret === '' ? `made: ${name}` : `made: ${name}\nsecret: ${secret}`;
  await cli.out.plain({ id: auditStream?.id ?? '', name, secret }, text, name);
  if (secret !== '') cli.notes.say('the secret is not shown again');
};

export const test: Handler = async (cli, [name = '']) => {
  const session = await cli.session();
  const stream = await find(session, name);
  const { delivered, error } = await session.api.auditStreams.testAuditStream({ auditStreamId: stream.id });
  if (!delivered) throw new PingFailedError(stream.name, error);
  await cli.out.plain({ delivered }, 'delivered', stream.name);
};

export const resume: Handler = async (cli, [name = '']) => {
  const session = await cli.session();
  const stream = await find(session, name);
  await session.api.auditStreams.resumeAuditStream({ auditStreamId: stream.id });
  cli.notes.say(`${stream.name} goes on after record ${stream.cursor}`);
};

export const remove: Handler = async (cli, [name = '']) => {
  const session = await cli.session();
  const stream = await find(session, name);
  await session.api.auditStreams.deleteAuditStream({ auditStreamId: stream.id });
  cli.notes.say(`${stream.name} is gone`);
};
