import { SessionSchema } from '@truffle/api/tenant/v1/session';
import type { Handler, Verb } from '../command.ts';
import { findByName } from '../lookup/lookup.ts';
import { everyPage } from '../lookup/pages.ts';
import type { View } from '../output/output.ts';
import { age } from '../output/text.ts';
import type { Session } from '../session.ts';

const sessionView: View<typeof SessionSchema> = {
  schema: SessionSchema,
  name: (each) => each.id,
  columns: {
    '': (each) => (each.current ? '*' : ''),
    FROM: (each) => each.address || '-',
    PROGRAM: (each) => each.userAgent || '-',
    OPENED: (each, now) => age(each.createdAt, now),
    SEEN: (each, now) => age(each.lastSeenAt, now),
    ID: (each) => each.id,
  },
};

const sessionsOf = ({ api }: Session) =>
  everyPage(async (page) => {
    const answer = await api.sessions.listSessions({ page });
    return { items: answer.sessions, next: answer.page?.next };
  });

const list: Handler = async (cli) => cli.out.list(sessionView, await sessionsOf(await cli.session()));

const revoke: Handler = async (cli, [id = '']) => {
  const session = await cli.session();
  const named = (await sessionsOf(session)).map((each) => ({ id: each.id, name: each.id }));
  const { id: sessionId } = findByName('session', id, named, ['truffle session list']);
  await session.api.sessions.revokeSession({ sessionId });
  await cli.out.plain({ id: sessionId, revoked: true }, `session ${sessionId} ended`, sessionId);
};

const revokeOthers: Handler = async (cli) => {
  const { api } = await cli.session();
  const { ended } = await api.sessions.revokeOtherSessions({});
  await cli.out.plain({ ended }, `${ended} other sessions ended`, String(ended));
};

/** Where the person is signed in. */
export const sessionVerbs: readonly Verb<never>[] = [
  {
    usage: 'list',
    summary: 'List where you are signed in; * marks this session.',
    examples: ['session list'],
    load: async () => list,
  },
  {
    usage: 'revoke <id>',
    summary: 'End one of your sessions.',
    examples: ['session revoke ses_01kxyz'],
    load: async () => revoke,
  },
  {
    usage: 'revoke-others',
    summary: 'End all of your sessions but this one.',
    examples: ['session revoke-others'],
    load: async () => revokeOthers,
  },
];
