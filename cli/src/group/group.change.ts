import { randomUUID } from 'node:crypto';
import { GroupMemberSchema, GroupSchema } from '@truffle/api/tenant/v1/group';
import type { Handler } from '../command.ts';
import { idempotencyHeader } from '../connection/connection.ts';
import { findGroup, listGroups, readSubject } from '../access/access.subject.ts';
import { present } from '../lookup/find.ts';
import { everyPage } from '../lookup/pages.ts';
import type { SortFlags } from '../lookup/sort.ts';
import type { View } from '../output/output.ts';
import { age } from '../output/text.ts';
import { demandName } from '../prompt/prompt.ts';

const groupView: View<typeof GroupSchema> = {
  schema: GroupSchema,
  name: (each) => each.name,
  columns: {
    NAME: (each) => each.name,
    DESCRIPTION: (each) => each.description || '-',
    AGE: (each, now) => age(each.createdAt, now),
    ID: (each) => each.id,
  },
};

const memberView: View<typeof GroupMemberSchema> = {
  schema: GroupMemberSchema,
  name: (each) => each.displayName || each.subject,
  columns: {
    WHO: (each) => each.displayName || '-',
    ADDED: (each, now) => age(each.addedAt, now),
    SUBJECT: (each) => each.subject,
  },
};

interface Described {
  readonly description?: string;
}

export const list: Handler<SortFlags> = async (cli, _, { sort }) => {
  await cli.out.list(groupView, await listGroups(await cli.session(), sort));
};

export const create: Handler<Described> = async (cli, [name = ''], { description = '' }) => {
  const session = await cli.session();
  const { group } = await session.api.groups.createGroup(
    { orgId: await session.orgId(), name, description },
    { headers: { [idempotencyHeader]: randomUUID() } },
  );
  await cli.out.one(groupView, present(group));
};

export const rename: Handler<Described> = async (cli, [from = '', name = ''], { description }) => {
  const session = await cli.session();
  const before = await findGroup(session, from);
  const { group } = await session.api.groups.updateGroup({
    groupId: before.id,
    revision: before.revision,
    name,
    description: description ?? before.description,
  });
  await cli.out.one(groupView, present(group));
};

export const members: Handler<SortFlags> = async (cli, [name = ''], { sort: orderBy = '' }) => {
  const session = await cli.session();
  const { id: groupId } = await findGroup(session, name);
  const all = await everyPage(async (page) => {
    const answer = await session.api.groups.listGroupMembers({ groupId, orderBy, page });
    return { items: answer.members, next: answer.page?.next };
  });
  await cli.out.list(memberView, all);
};

export const add: Handler = async (cli, [name = '', who = '']) => {
  const session = await cli.session();
  const { id: groupId } = await findGroup(session, name);
  const { member } = await session.api.groups.addGroupMember({ groupId, ...(await readSubject(session, who)) });
  await cli.out.one(memberView, present(member));
};

export const removeMember: Handler = async (cli, [name = '', who = '']) => {
  const session = await cli.session();
  const { id: groupId } = await findGroup(session, name);
  await session.api.groups.removeGroupMember({ groupId, ...(await readSubject(session, who)) });
  await cli.out.plain({ groupId, removed: who }, `${who} is out of the group ${name}`, who);
};

export const remove: Handler<{ readonly yes?: boolean }> = async (cli, [name = ''], { yes = false }) => {
  const session = await cli.session();
  const group = await findGroup(session, name);
  await demandName(cli, `deletes the group ${group.name} with the roles that it was given`, group.name, yes);
  await session.api.groups.deleteGroup({ groupId: group.id, revision: group.revision });
  await cli.out.plain({ id: group.id, deleted: true }, `group ${group.name} deleted`, group.name);
};
