import type { Role } from '@truffle/api/tenant/v1/account';
import { isId } from '@truffle/ids';
import { UsageError } from '../failure/cli-error.ts';
import { findRole } from '../role/role.read.ts';
import { builtInRoles } from '../role/role.view.ts';
import type { Session } from '../session.ts';

const roles: Readonly<Record<string, Role | undefined>> = Object.fromEntries(builtInRoles);

/** A built-in role, or one of the organization's own by name or id. @throws UsageError, UnknownNameError */
export async function readAnyRole(
  session: Session,
  text: string | undefined,
): Promise<{ readonly role: Role } | { readonly roleId: string }> {
  const role = roles[text ?? ''];
  if (role !== undefined) return { role };
  if (text === undefined) return { role: readRole(text) };
  return { roleId: (await findRole(session, text)).id };
}

/** @throws UsageError when it is none, or was not given */
export function readRole(text: string | undefined): Role {
  const role = roles[text ?? ''];
  if (role === undefined)
    throw new UsageError(text === undefined ? 'which role?' : `--role ${text} is none`, {
      next: [`--role ${Object.keys(roles).join('|')}`],
    });
  return role;
}

/** Id of the place that `--scope` names. @throws UsageError */
export async function readScope(session: Session, text = 'org'): Promise<string> {
  if (text === 'org') return session.orgId();
  if (text === 'project') return session.projectId();
  if (isId(text, 'org') || isId(text, 'wks') || isId(text, 'prj')) return text;
  if (isId(text, 'clu') || isId(text, 'srv') || isId(text, 'agt')) return text;
  throw new UsageError(`--scope ${text} is no place`, {
    next: ['--scope org, --scope project, or an id', 'truffle workspace list'],
  });
}
