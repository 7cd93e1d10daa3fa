import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { GroupMemberSchema, GroupSchema, type Group, type GroupMember } from '@truffle/api/tenant/v1/group';
import type { GroupService } from '@truffle/api/tenant/v1/group_service';
import { callerOf, orderedPageOf } from '@truffle/kit';
import type { TenantParts } from '../parts.ts';
import { displayNamesOf } from '../subject/subject.repo.ts';
import {
  groupMemberOrdering,
  groupOrdering,
  listGroupMembers,
  listGroups,
  type GroupMemberRow,
  type GroupRow,
} from './group.repo.ts';
import { alterGroup, dropGroup, joinGroup, leaveGroup, makeGroup } from './group.usecases.ts';

const groupMessage = (row: GroupRow): Group =>
  create(GroupSchema, {
    id: row.id,
    orgId: row.org_id,
    name: row.name,
    description: row.description,
    revision: BigInt(row.revision),
    createdAt: timestampFromDate(row.created_at),
  });

const memberMessage = (row: GroupMemberRow, displayName = ''): GroupMember =>
  create(GroupMemberSchema, { subject: row.subject, displayName, addedAt: timestampFromDate(row.added_at) });

export const groupRpc = (parts: TenantParts): ServiceImpl<typeof GroupService> => ({
  createGroup: async ({ name, description }, context) => ({
    group: groupMessage(await makeGroup(parts, callerOf(context), { name, description })),
  }),
  listGroups: async (request, context) => {
    const page = orderedPageOf(context, request, groupOrdering);
    const { rows, next } = page.cut(await parts.tenants.tenant(callerOf(context).orgId, (tx) => listGroups(tx, page)));
    return { groups: rows.map(groupMessage), page: { next } };
  },
  updateGroup: async ({ groupId: id, name, description, revision }, context) => ({
    group: groupMessage(await alterGroup(parts, callerOf(context), { id, name, description, revision })),
  }),
  deleteGroup: async (request, context) => {
    await dropGroup(parts, callerOf(context), request.groupId, request.revision);
    return {};
  },
  listGroupMembers: async (request, context) => {
    const page = orderedPageOf(context, request, groupMemberOrdering);
    const { orgId } = callerOf(context);
    const { rows, next } = page.cut(
      await parts.tenants.tenant(orgId, (tx) => listGroupMembers(tx, request.groupId, page)),
    );
    const names = await displayNamesOf(
      parts,
      orgId,
      rows.map((row) => row.subject),
    );
    return { members: rows.map((row) => memberMessage(row, names.get(row.subject))), page: { next } };
  },
  addGroupMember: async ({ groupId, subject, email }, context) => ({
    member: memberMessage(await joinGroup(parts, callerOf(context), groupId, { subject, email }), email),
  }),
  removeGroupMember: async ({ groupId, subject, email }, context) => {
    await leaveGroup(parts, callerOf(context), groupId, { subject, email });
    return {};
  },
});
