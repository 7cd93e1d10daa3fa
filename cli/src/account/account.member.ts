import { BindingSchema, Role } from '@truffle/api/tenant/v1/account';
import type { Handler } from '../command.ts';
import { findByName } from '../lookup/lookup.ts';
import { present } from '../lookup/find.ts';
import { everyPage } from '../lookup/pages.ts';
import type { View } from '../output/output.ts';
import { stateName } from '../output/text.ts';
import type { Session } from '../session.ts';
import { readRole, readScope } from './account.role.ts';

interface Flags {
  readonly role?: string;
  readonly scope?: string;
}

const bindingView: View<typeof BindingSchema> = {
  schema: BindingSchema,
  name: (each) => each.email || each.subject,
  columns: {
    WHO: (each) => each.email || each.subject,
    ROLE: (each) => stateName(Role, each.role),
    WHERE: (each) => each.scopeId,
    ID: (each) => each.id,
  },
};

const bindings = async (session: Session) => {
  const orgId = await session.orgId();
  return everyPage(async (page) => {
    const answer = await session.api.members.listBindings({ orgId, page });
    return { items: answer.bindings, next: answer.page?.next };
  });
};

export const list: Handler = async (cli) => {
  await cli.out.list(bindingView, await bindings(await cli.session()));
};

export const set: Handler<Flags> = async (cli, [email = ''], flags) => {
  const role = readRole(flags.role);
  const session = await cli.session();
  const { binding } = await session.api.members.setBinding({
    scopeId: await readScope(session, flags.scope),
    email,
    role,
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
