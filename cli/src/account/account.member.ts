import { timestampFromMs, type Timestamp } from '@bufbuild/protobuf/wkt';
import { BindingSchema, Effect, Role, type Binding } from '@truffle/api/tenant/v1/account';
import type { Handler } from '../command.ts';
import { findByName } from '../lookup/lookup.ts';
import { present } from '../lookup/find.ts';
import { everyPage } from '../lookup/pages.ts';
import type { SortFlags } from '../lookup/sort.ts';
import type { View } from '../output/output.ts';
import { stateName, when } from '../output/text.ts';
import type { Session } from '../session.ts';
import { readSubject } from '../access/access.subject.ts';
import { parseDuration } from '../context/duration.ts';
import type { Invocation } from '../invocation.ts';
import { readAnyRole, readScope } from './account.role.ts';

interface Flags {
  readonly role?: string;
  readonly scope?: string;
}

interface SetFlags extends Flags {
  readonly deny?: boolean;
  readonly for?: string;
  readonly in?: string;
}

const bindingView: View<typeof BindingSchema> = {
  schema: BindingSchema,
  name: (each) => each.email || each.subject,
  columns: {
    WHO: (each) => each.email || each.subject,
    ROLE: (each) => `${each.effect === Effect.DENY ? 'not ' : ''}${roleOf(each)}`,
    WHERE: (each) => each.scopeId,
    FROM: (each) => when(each.startsAt),
    UNTIL: (each) => when(each.expiresAt),
    ID: (each) => each.id,
  },
};

const roleOf = (each: Binding): string => each.roleId || stateName(Role, each.role);

const bindings = async (session: Session, orderBy = '') => {
  const orgId = await session.orgId();
  return everyPage(async (page) => {
    const answer = await session.api.members.listBindings({ orgId, orderBy, page });
    return { items: answer.bindings, next: answer.page?.next };
  });
};

export const list: Handler<SortFlags> = async (cli, _, { sort }) => {
  await cli.out.list(bindingView, await bindings(await cli.session(), sort));
};

/** When a role begins and ends: `--for` counts from its beginning. */
function timesOf(cli: Invocation, flags: SetFlags): { readonly startsAt?: Timestamp; readonly expiresAt?: Timestamp } {
  const begins = cli.now() + (flags.in === undefined ? 0 : parseDuration(flags.in, '--in'));
  return {
    ...(flags.in === undefined ? {} : { startsAt: timestampFromMs(begins) }),
    ...(flags.for === undefined ? {} : { expiresAt: timestampFromMs(begins + parseDuration(flags.for, '--for')) }),
  };
}

export const set: Handler<SetFlags> = async (cli, [who = ''], flags) => {
  const times = timesOf(cli, flags);
  const session = await cli.session();
  const { binding } = await session.api.members.setBinding({
    scopeId: await readScope(session, flags.scope),
    ...(await readAnyRole(session, flags.role)),
    ...(await readSubject(session, who)),
    ...times,
    effect: flags.deny === true ? Effect.DENY : Effect.ALLOW,
  });
  await cli.out.one(bindingView, present(binding));
};

export const remove: Handler<Flags> = async (cli, [who = ''], flags) => {
  const session = await cli.session();
  const scopeId = flags.scope === undefined ? undefined : await readScope(session, flags.scope);
  const all = (await bindings(session)).filter((each) => scopeId === undefined || each.scopeId === scopeId);
  const named = all.map((each) => ({ id: each.id, name: each.email || each.subject }));
  const { id, name } = findByName('member', who, named, ['truffle member list']);
  await session.api.members.deleteBinding({ bindingId: id });
  await cli.out.plain({ id, deleted: true }, `the role of ${name} is taken away`, name);
};

export const signOut: Handler = async (cli, [who = '']) => {
  const session = await cli.session();
  const orgId = await session.orgId();
  const { everywhere, ended } = await session.api.memberSessions.signOutMember({
    orgId,
    ...(await readSubject(session, who)),
  });
  const where = everywhere ? 'everywhere' : 'here';
  await cli.out.plain({ who, everywhere, ended }, `${who} is signed out ${where}`, who);
};
