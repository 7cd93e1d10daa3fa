import { type Call, type Routes, flag, need, owner, text } from '../call.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { ApiError, ParameterError, RunError } from '../errors.ts';
import { listOf } from '../schema/format.ts';
import { type AclEntry, type AclType, aclPath } from './access.ts';
import { requirePrivileges } from './permission.ts';
import { BUILT_IN_ROLES, CAPABILITIES, CAPABILITY_PATHS } from './privileges.ts';
import { userRoutes } from './user.routes.ts';

const ACCESS_INDEX = ['users', 'groups', 'roles', 'acl', 'domains', 'openid', 'tfa', 'ticket', 'password'];

/** The answer to a wrong name or password: late like every 401, but with a body. */
export class BadPassword extends ApiError {
  override readonly code = 'PVE_BAD_PASSWORD';
  constructor() {
    super(401, 'authentication failure');
    this.name = 'BadPassword';
  }
}

/** POST /access/ticket: by password, or by a ticket that is still good. */
function login(call: Call): unknown {
  const { cluster } = call;
  const name = need(call, 'username');
  const realm = text(call, 'realm');
  const password = need(call, 'password');
  const userid = realm === undefined ? name : `${name}@${realm}`;
  const known = cluster.access.users[userid];
  const good =
    known !== undefined &&
    known.enable &&
    (known.password === password || cluster.tickets.verify(password, cluster.seconds()) === userid);
  if (!good || (realm !== undefined && name.includes('@'))) throw new BadPassword();
  const seconds = cluster.seconds();
  cluster.log.push({
    user: 'root@pam',
    msg: `successful auth for user '${userid}'`,
    time: seconds,
    tag: 'pvedaemon',
    pri: 6,
  });
  return {
    username: userid,
    ticket: cluster.tickets.issue('PVE', userid, seconds),
    CSRFPreventionToken: cluster.tickets.csrf(userid, seconds),
    cap: capabilities(cluster, userid),
    ...(cluster.nodes.size > 1 && cluster.clusterName !== undefined ? { clustername: cluster.clusterName } : {}),
  };
}

function capabilities(cluster: Cluster, userid: string): Record<string, Record<string, number>> {
  const cap: Record<string, Record<string, number>> = {};
  for (const [kind, privileges] of Object.entries(CAPABILITIES)) {
    const held = cluster.access.privileges(userid, CAPABILITY_PATHS[kind] ?? '/');
    const below =
      kind === 'vms' || kind === 'storage' || kind === 'nodes'
        ? [...heldBelow(cluster, userid, CAPABILITY_PATHS[kind] ?? '/')]
        : [];
    cap[kind] = Object.fromEntries(
      privileges.filter((one) => held.has(one) || below.includes(one)).map((one) => [one, 1]),
    );
  }
  return cap;
}

/** Privileges held somewhere under a path: what makes a menu appear. */
function heldBelow(cluster: Cluster, userid: string, path: string): Set<string> {
  const under = cluster.access.acl.filter((entry) => entry.path.startsWith(`${path}/`) && entry.ugid === userid);
  return new Set(under.flatMap((entry) => [...cluster.access.privileges(userid, entry.path).keys()]));
}

function changePassword(call: Call): null {
  const user = call.cluster.access.users[need(call, 'userid')];
  if (user === undefined) throw new RunError(`no such user ('${need(call, 'userid')}')`);
  user.password = need(call, 'password');
  call.cluster.changed();
  return null;
}

function rolePrivileges(call: Call): readonly string[] {
  const roleid = need(call, 'roleid');
  const found = call.cluster.access.rolePrivileges(roleid);
  if (found === undefined) throw new RunError(`role '${roleid}' does not exist`);
  return found;
}

function ownRole(call: Call, verb: string): string {
  const roleid = need(call, 'roleid');
  if (BUILT_IN_ROLES[roleid] !== undefined) throw new RunError(`auto-generated role '${roleid}' cannot be ${verb}`);
  if (call.cluster.access.roles[roleid] === undefined)
    throw new RunError(`${verb === 'deleted' ? 'delete' : 'update'} role failed: role '${roleid}' does not exist`);
  return roleid;
}

function roles(call: Call): unknown {
  const own = Object.entries(call.cluster.access.roles).map(([roleid, privs]) => ({
    roleid,
    privs: [...privs].sort().join(','),
    special: 0,
  }));
  const builtIn = Object.entries(BUILT_IN_ROLES).map(([roleid, privs]) => ({
    roleid,
    privs: [...privs].sort().join(','),
    special: 1,
  }));
  return [...builtIn, ...own];
}

function createRole(call: Call): null {
  const { access } = call.cluster;
  const roleid = need(call, 'roleid');
  if (access.rolePrivileges(roleid) !== undefined)
    throw new RunError(`create role failed: role '${roleid}' already exists`);
  access.roles[roleid] = listOf(text(call, 'privs') ?? '');
  call.cluster.changed();
  return null;
}

function updateRole(call: Call): null {
  const { access } = call.cluster;
  const roleid = ownRole(call, 'modified');
  const privs = listOf(text(call, 'privs') ?? '');
  access.roles[roleid] = flag(call, 'append') ? [...new Set([...(access.roles[roleid] ?? []), ...privs])] : privs;
  call.cluster.changed();
  return null;
}

function readAcl(call: Call): unknown {
  const { access } = call.cluster;
  return access.acl
    .filter((entry) => access.has(call.user, entry.path, ['Permissions.Modify', 'Sys.Audit'], true))
    .map((entry) => ({
      path: entry.path,
      type: entry.type,
      ugid: entry.ugid,
      roleid: entry.roleid,
      propagate: entry.propagate ? 1 : 0,
    }));
}

function updateAcl(call: Call): null {
  const { access } = call.cluster;
  const path = aclPath(need(call, 'path'));
  if (path === undefined) throw new ParameterError({ path: `invalid ACL path '${need(call, 'path')}'` });
  const who = subjects(call);
  if (who.length === 0) throw new ParameterError({ users: "either 'users', 'groups' or 'tokens' is required." });
  const propagate = call.params['propagate'] !== 0;
  for (const roleid of listOf(need(call, 'roles'))) {
    if (access.rolePrivileges(roleid) === undefined)
      throw new RunError(`ACL update failed: role '${roleid}' does not exist`);
    for (const [type, ugid] of who) {
      access.acl = access.acl.filter(
        (entry) => !(entry.path === path && entry.ugid === ugid && entry.roleid === roleid),
      );
      if (!flag(call, 'delete')) access.acl.push({ path, type, ugid, roleid, propagate } satisfies AclEntry);
    }
  }
  call.cluster.changed();
  return null;
}

function subjects(call: Call): [AclType, string][] {
  const { access } = call.cluster;
  const found: [AclType, string][] = [];
  for (const userid of listOf(text(call, 'users') ?? '')) {
    if (access.users[userid] === undefined) throw new RunError(`ACL update failed: user '${userid}' does not exist`);
    found.push(['user', userid]);
  }
  for (const group of listOf(text(call, 'groups') ?? '')) {
    if (access.groups[group] === undefined) throw new RunError(`ACL update failed: group '${group}' does not exist`);
    found.push(['group', group]);
  }
  for (const token of listOf(text(call, 'tokens') ?? '')) {
    const [userid = '', tokenid = ''] = token.split('!');
    if (access.users[userid]?.tokens[tokenid] === undefined)
      throw new RunError(`ACL update failed: no such token '${tokenid}' for user '${userid}'`);
    found.push(['token', token]);
  }
  return found;
}

/** GET /access/permissions: path to privilege to "propagates". */
function permissions(call: Call): unknown {
  const { access } = call.cluster;
  const who = text(call, 'userid') ?? call.user;
  if (who !== call.user && owner(who) !== call.user) requirePrivileges(access, call.user, '/access', ['Sys.Audit']);
  const fixed = ['/', '/access', '/access/groups', '/nodes', '/pool', '/sdn', '/storage', '/vms'];
  const only = text(call, 'path');
  const paths = only === undefined ? [...new Set([...fixed, ...access.acl.map((entry) => entry.path)])] : [only];
  const answer: Record<string, Record<string, number>> = {};
  for (const path of paths) {
    const held = access.privileges(who, path);
    if (held.size > 0) answer[path] = Object.fromEntries([...held].map(([one, propagate]) => [one, propagate ? 1 : 0]));
  }
  return answer;
}

export const accessRoutes: Routes = {
  'GET /access': () => ACCESS_INDEX.map((subdir) => ({ subdir })),
  'GET /access/domains': () => [
    { realm: 'pam', type: 'pam', comment: 'Linux PAM standard authentication' },
    { realm: 'pve', type: 'pve', comment: 'Proxmox VE authentication server' },
  ],
  'GET /access/ticket': () => null,
  'POST /access/ticket': login,
  'PUT /access/password': changePassword,
  'GET /access/groups': (call) =>
    Object.entries(call.cluster.access.groups).map(([groupid, group]) => ({
      groupid,
      ...group,
      users: members(call, groupid).join(','),
    })),
  'POST /access/groups': (call) => {
    const { access } = call.cluster;
    const groupid = need(call, 'groupid');
    if (access.groups[groupid] !== undefined)
      throw new RunError(`create group failed: group '${groupid}' already exists`);
    const comment = text(call, 'comment');
    access.groups[groupid] = comment === undefined ? {} : { comment };
    call.cluster.changed();
    return null;
  },
  'GET /access/groups/{groupid}': (call) => {
    const groupid = need(call, 'groupid');
    const group = call.cluster.access.groups[groupid];
    if (group === undefined) throw new RunError(`group '${groupid}' does not exist`);
    return { ...group, members: members(call, groupid) };
  },
  'DELETE /access/groups/{groupid}': (call) => {
    const groupid = need(call, 'groupid');
    if (call.cluster.access.groups[groupid] === undefined)
      throw new RunError(`delete group failed: group '${groupid}' does not exist`);
    delete call.cluster.access.groups[groupid];
    call.cluster.changed();
    return null;
  },
  'GET /access/roles': roles,
  'POST /access/roles': createRole,
  'GET /access/roles/{roleid}': (call) => Object.fromEntries(rolePrivileges(call).map((one) => [one, 1])),
  'PUT /access/roles/{roleid}': updateRole,
  'DELETE /access/roles/{roleid}': (call) => {
    delete call.cluster.access.roles[ownRole(call, 'deleted')];
    call.cluster.changed();
    return null;
  },
  'GET /access/acl': readAcl,
  'PUT /access/acl': updateAcl,
  'GET /access/permissions': permissions,
  ...userRoutes,
};

function members(call: Call, groupid: string): string[] {
  return Object.entries(call.cluster.access.users)
    .filter(([, user]) => user.groups.includes(groupid))
    .map(([userid]) => userid);
}
