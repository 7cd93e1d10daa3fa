import { SessionSchema } from '@truffle/api/tenant/v1/session';
import type { Handler, Verb } from '../command.ts';
import { findByName } from '../lookup/lookup.ts';
import { everyPage } from '../lookup/pages.ts';
import type { View } from '../output/output.ts';
import { askYes } from '../prompt/prompt.ts';
import { age } from '../output/text.ts';
import type { Session } from '../session.ts';

const sessionView: View<typeof SessionSchema> = {
  schema: SessionSchema,
  name: (each) => each.id,
  columns: {
    '': (each) => (each.current ? '*' : ''),
    FROM: (each) => each.address || '-',
    PROGRAM: (each) => each.userAgent || '-',
    BY: (each) => each.actedBy || 'you',
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

/** Shows who asks before it lets them in: somebody may have been sent the code of somebody else. */
const approve: Handler<{ readonly yes?: boolean }> = async (cli, [userCode = ''], { yes = false }) => {
  const { api } = await cli.session();
  const asks = await api.devices.getDeviceLogin({ userCode });
  cli.notes.say(
    `${asks.userAgent || 'an unknown program'} at ${asks.address || 'an unknown address'} asks to be signed in as you`,
  );
  if (!yes && !(await askYes(cli, 'Is this you?'))) {
    await api.devices.denyDeviceLogin({ userCode });
    return cli.out.plain({ userCode, approved: false }, 'refused', userCode);
  }
  await api.devices.approveDeviceLogin({ userCode });
  return cli.out.plain({ userCode, approved: true }, 'approved', userCode);
};

const deny: Handler = async (cli, [userCode = '']) => {
  const { api } = await cli.session();
  await api.devices.denyDeviceLogin({ userCode });
  await cli.out.plain({ userCode, approved: false }, 'refused', userCode);
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
  {
    usage: 'approve <code>',
    summary: 'Sign in the program that shows a code (truffle login); shows who asks first.',
    options: [['-y, --yes', 'do not ask']],
    examples: ['session approve BCDF-GHJK'],
    load: async () => approve,
  },
  {
    usage: 'deny <code>',
    summary: 'Refuse the program that shows a code.',
    examples: ['session deny BCDF-GHJK'],
    load: async () => deny,
  },
];
