import { randomUUID } from 'node:crypto';
import { type Call, type Routes, flag, need, number, owner, text } from '../call.ts';
import { ParameterError, RunError } from '../errors.ts';
import { listOf } from '../schema/format.ts';
import type { Token, User } from './access.ts';

function user(call: Call, prefix = ''): User {
  const found = call.cluster.access.users[need(call, 'userid')];
  if (found === undefined) throw new RunError(`${prefix}no such user ('${need(call, 'userid')}')`);
  return found;
}

function profile(one: User): Record<string, unknown> {
  const optional = { comment: one.comment, email: one.email, firstname: one.firstname, lastname: one.lastname };
  return {
    enable: one.enable ? 1 : 0,
    expire: one.expire,
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
  };
}

function tokenInfo(token: Token): Record<string, unknown> {
  return {
    privsep: token.privsep ? 1 : 0,
    expire: token.expire,
    ...(token.comment === undefined ? {} : { comment: token.comment }),
  };
}

function list(call: Call): unknown {
  const { access } = call.cluster;
  const all = access.has(call.user, '/access/groups', ['User.Modify', 'Sys.Audit'], true);
  return Object.entries(access.users)
    .filter(([userid]) => all || userid === owner(call.user))
    .filter(([, one]) => call.params['enabled'] === undefined || one.enable === flag(call, 'enabled'))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([userid, one]) => ({
      userid,
      ...profile(one),
      'realm-type': userid.split('@')[1] === 'pam' ? 'pam' : 'pve',
      ...(flag(call, 'full')
        ? {
            groups: one.groups.join(','),
            tokens: Object.entries(one.tokens).map(([tokenid, token]) => ({ tokenid, ...tokenInfo(token) })),
          }
        : {}),
    }));
}

function create(call: Call): null {
  const { access } = call.cluster;
  const userid = need(call, 'userid');
  const fail = (reason: string): never => {
    throw new RunError(`create user failed: ${reason}`);
  };
  if (access.users[userid] !== undefined) fail(`user '${userid}' already exists`);
  const realm = userid.split('@')[1] ?? '';
  if (realm !== 'pve' && realm !== 'pam') fail(`domain '${realm}' does not exist`);
  const password = text(call, 'password');
  access.users[userid] = {
    enable: call.params['enable'] !== 0,
    expire: number(call, 'expire') ?? 0,
    groups: [],
    tokens: {},
    ...(password === undefined ? {} : { password }),
  };
  change(call, access.users[userid]);
  return null;
}

function change(call: Call, one: User): void {
  for (const key of ['comment', 'email', 'firstname', 'lastname'] as const) {
    const value = text(call, key);
    if (value !== undefined) one[key] = value;
  }
  if (call.params['enable'] !== undefined) one.enable = flag(call, 'enable');
  if (call.params['expire'] !== undefined) one.expire = number(call, 'expire') ?? 0;
  const groups = text(call, 'groups');
  if (groups !== undefined)
    one.groups = flag(call, 'append') ? [...new Set([...one.groups, ...listOf(groups)])] : listOf(groups);
  call.cluster.changed();
}

function read(call: Call): unknown {
  const one = user(call);
  const tokens = Object.entries(one.tokens);
  return {
    ...profile(one),
    email: one.email ?? '',
    groups: one.groups,
    tokens: tokens.length === 0 ? null : Object.fromEntries(tokens.map(([id, token]) => [id, tokenInfo(token)])),
  };
}

function remove(call: Call): null {
  const { access } = call.cluster;
  user(call, 'delete user failed: ');
  const userid = need(call, 'userid');
  delete access.users[userid];
  access.acl = access.acl.filter((entry) => entry.ugid !== userid && !entry.ugid.startsWith(`${userid}!`));
  call.cluster.changed();
  return null;
}

function token(call: Call): Token {
  const found = user(call).tokens[need(call, 'tokenid')];
  if (found === undefined)
    throw new RunError(`no such token '${need(call, 'tokenid')}' for user '${need(call, 'userid')}'`);
  return found;
}

function createToken(call: Call): unknown {
  const one = user(call);
  const tokenid = need(call, 'tokenid');
  const full = `${need(call, 'userid')}!${tokenid}`;
  if (one.tokens[tokenid] !== undefined) throw new ParameterError({ tokenid: 'Token already exists.' });
  const value = randomUUID();
  const comment = text(call, 'comment');
  one.tokens[tokenid] = {
    secret: value,
    privsep: call.params['privsep'] !== 0,
    expire: number(call, 'expire') ?? 0,
    ...(comment === undefined ? {} : { comment }),
  };
  call.cluster.changed();
  const info = {
    privsep: call.params['privsep'] === 0 ? '0' : '1',
    ...(comment === undefined ? {} : { comment }),
    ...(call.params['expire'] === undefined ? {} : { expire: String(call.params['expire']) }),
  };
  return { 'full-tokenid': full, info, value };
}

function updateToken(call: Call): unknown {
  const found = token(call);
  const comment = text(call, 'comment');
  if (comment !== undefined) found.comment = comment;
  if (call.params['expire'] !== undefined) found.expire = number(call, 'expire') ?? 0;
  if (call.params['privsep'] !== undefined) found.privsep = flag(call, 'privsep');
  call.cluster.changed();
  if (!flag(call, 'regenerate')) return tokenInfo(found);
  found.secret = randomUUID();
  return {
    ...tokenInfo(found),
    'full-tokenid': `${need(call, 'userid')}!${need(call, 'tokenid')}`,
    value: found.secret,
  };
}

function removeToken(call: Call): null {
  token(call);
  const { access } = call.cluster;
  const full = `${need(call, 'userid')}!${need(call, 'tokenid')}`;
  delete user(call).tokens[need(call, 'tokenid')];
  access.acl = access.acl.filter((entry) => entry.ugid !== full);
  call.cluster.changed();
  return null;
}

export const userRoutes: Routes = {
  'GET /access/users': list,
  'POST /access/users': create,
  'GET /access/users/{userid}': read,
  'PUT /access/users/{userid}': (call) => {
    change(call, user(call, 'update user failed: '));
    return null;
  },
  'DELETE /access/users/{userid}': remove,
  'GET /access/users/{userid}/token': (call) =>
    Object.entries(user(call).tokens).map(([tokenid, one]) => ({ tokenid, ...tokenInfo(one) })),
  'GET /access/users/{userid}/token/{tokenid}': (call) => tokenInfo(token(call)),
  'POST /access/users/{userid}/token/{tokenid}': createToken,
  'PUT /access/users/{userid}/token/{tokenid}': updateToken,
  'DELETE /access/users/{userid}/token/{tokenid}': removeToken,
};
