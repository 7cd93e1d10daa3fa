import { PermissionError } from '../errors.ts';
import type { Check, Method } from '../schema/table.ts';
import type { Access } from './access.ts';
import { listOf } from '../schema/format.ts';

type Values = Readonly<Record<string, unknown>>;

/**
 * The check that comes before a method runs.
 * @throws {PermissionError} naming path and privileges, where the real one names them
 */
export function requirePermission(access: Access, method: Method, who: string, values: Values): void {
  if (who === 'root@pam' || method.user === 'all' || method.user === 'world') return;
  if (method.check === undefined) throw new PermissionError();
  check(access, method.check, who, values);
}

/** Demands privileges on one path, as handlers do beyond the method's own check. */
export function requirePrivileges(
  access: Access,
  who: string,
  path: string,
  wanted: readonly string[],
  any = false,
): void {
  if (access.has(who, path, wanted, any)) return;
  throw new PermissionError(`${path}, ${wanted.join(any ? '|' : ', ')}`);
}

function check(access: Access, test: Check, who: string, values: Values): void {
  const [kind, ...rest] = test;
  if (kind === 'and') {
    for (const one of rest) if (isCheck(one)) check(access, one, who, values);
    return;
  }
  if (kind === 'or') {
    if (rest.some((one) => isCheck(one) && passes(access, one, who, values))) return;
    throw new PermissionError();
  }
  if (kind === 'perm') return checkPath(access, rest, who, values);
  if (kind === 'userid-param') return checkUseridParam(access, rest, who, values);
  if (kind === 'userid-group') return checkUseridGroup(access, rest, who, values);
  if (kind === 'perm-modify') return checkModify(access, rest, who, values);
  throw new PermissionError();
}

function passes(access: Access, test: Check, who: string, values: Values): boolean {
  try {
    check(access, test, who, values);
    return true;
  } catch (error) {
    if (error instanceof PermissionError) return false;
    throw error;
  }
}

function isCheck(value: unknown): value is Check {
  return Array.isArray(value);
}

/** A parameter as text; empty when it is absent or no plain value. */
function field(values: Values, name: string): string {
  const value = values[name];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function names(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function option(rest: readonly unknown[], name: string): unknown {
  const at = rest.indexOf(name);
  return at < 0 ? undefined : rest[at + 1];
}

function checkPath(access: Access, rest: readonly unknown[], who: string, values: Values): void {
  const [template, privileges] = rest;
  const required = option(rest, 'require_param');
  if (typeof required === 'string' && values[required] === undefined) throw new PermissionError();
  requirePrivileges(access, who, fill(String(template), values), names(privileges), option(rest, 'any') === 1);
}

function fill(template: string, values: Values): string {
  return template.replaceAll(/\{([^}]+)\}/g, (_, name: string) => field(values, name));
}

function checkUseridParam(access: Access, rest: readonly unknown[], who: string, values: Values): void {
  const userid = field(values, 'userid');
  if (rest[0] === 'self') {
    if (userid === who) return;
    throw new PermissionError();
  }
  const realm = userid.split('@')[1] ?? '';
  requirePrivileges(access, who, `/access/realm/${realm}`, [String(rest[0])]);
}

function checkUseridGroup(access: Access, rest: readonly unknown[], who: string, values: Values): void {
  const privileges = names(rest[0]);
  const mode = option(rest, 'groups_param');
  const given = typeof values['groups'] === 'string' ? listOf(values['groups']) : [];
  if (access.has(who, '/access/groups', privileges, true)) return;
  const groups = mode === 'create' ? given : (access.users[field(values, 'userid')]?.groups ?? []);
  const own = groups.some((group) => access.has(who, `/access/groups/${group}`, privileges, true));
  if (own && given.every((group) => access.has(who, `/access/groups/${group}`, privileges, true))) return;
  throw new PermissionError(`/access/groups, ${privileges.join('|')}`);
}

function checkModify(access: Access, rest: readonly unknown[], who: string, values: Values): void {
  const path = fill(String(rest[0]), values);
  const kind = /^\/(storage|vms|pool)(\/|$)/.exec(path)?.[1];
  const allocate = { storage: 'Datastore.Allocate', vms: 'VM.Allocate', pool: 'Pool.Allocate' }[kind ?? ''];
  requirePrivileges(
    access,
    who,
    path,
    allocate === undefined ? ['Permissions.Modify'] : ['Permissions.Modify', allocate],
    true,
  );
}
