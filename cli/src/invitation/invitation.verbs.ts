import { timestampMs } from '@bufbuild/protobuf/wkt';
import { Role } from '@truffle/api/tenant/v1/account';
import { InvitationSchema, type Invitation } from '@truffle/api/tenant/v1/invitation';
import { readAnyRole, readScope } from '../account/account.role.ts';
import type { Handler } from '../command.ts';
import { present } from '../lookup/find.ts';
import { findByName } from '../lookup/lookup.ts';
import { everyPage } from '../lookup/pages.ts';
import type { SortFlags } from '../lookup/sort.ts';
import type { View } from '../output/output.ts';
import { stateName, when } from '../output/text.ts';
import { readCode, type CodeFlags } from '../person/person.input.ts';
import type { Session } from '../session.ts';

const stateOf = (each: Invitation, now: number): string => {
  if (each.acceptedAt !== undefined) return 'accepted';
  if (each.revokedAt !== undefined) return 'revoked';
  return each.expiresAt !== undefined && timestampMs(each.expiresAt) <= now ? 'ended' : 'open';
};

const invitationView: View<typeof InvitationSchema> = {
  schema: InvitationSchema,
  name: (each) => each.email,
  columns: {
    WHO: (each) => each.email,
    ROLE: (each) => each.roleId || stateName(Role, each.role),
    WHERE: (each) => each.scopeId,
    STATE: stateOf,
    ENDS: (each) => when(each.expiresAt),
    ID: (each) => each.id,
  },
};

const invitations = async (session: Session, orderBy = '') => {
  const orgId = await session.orgId();
  return everyPage(async (page) => {
    const answer = await session.api.invitations.listInvitations({ orgId, orderBy, page });
    return { items: answer.invitations, next: answer.page?.next };
  });
};

export const create: Handler<{ readonly role?: string; readonly scope?: string }> = async (
  cli,
  [email = ''],
  flags,
) => {
  const session = await cli.session();
  const role = await readAnyRole(session, flags.role);
  const scopeId = await readScope(session, flags.scope);
  const { invitation } = await session.api.invitations.createInvitation({ scopeId, email, ...role });
  await cli.out.one(invitationView, present(invitation));
};

export const list: Handler<SortFlags> = async (cli, _, { sort }) => {
  await cli.out.list(invitationView, await invitations(await cli.session(), sort));
};

export const revoke: Handler = async (cli, [who = '']) => {
  const session = await cli.session();
  const open = (await invitations(session)).filter((each) => stateOf(each, cli.now()) === 'open');
  const named = open.map((each) => ({ id: each.id, name: each.email }));
  const { id, name } = findByName('invitation', who, named, ['truffle invitation list']);
  await session.api.invitations.revokeInvitation({ invitationId: id });
  await cli.out.plain({ id, revoked: true }, `the invitation of ${name} is revoked`, name);
};

export const accept: Handler<CodeFlags> = async (cli, _, flags) => {
  const { api } = await cli.session();
  const { binding } = await api.invitations.acceptInvitation({ token: await readCode(cli, flags) });
  const { role: builtIn, roleId } = present(binding);
  const role = roleId || stateName(Role, builtIn);
  await cli.out.plain({ bindingId: binding?.id, orgId: binding?.orgId }, `you are ${role} now`, binding?.orgId ?? '');
};
