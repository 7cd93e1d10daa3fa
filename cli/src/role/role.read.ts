import type { CustomRole } from '@truffle/api/tenant/v1/role';
import type { Handler } from '../command.ts';
import { findByName } from '../lookup/lookup.ts';
import { everyPage } from '../lookup/pages.ts';
import type { Session } from '../session.ts';
import { permissionView, roleView } from './role.view.ts';

const listRoles = async (session: Session): Promise<CustomRole[]> => {
  const orgId = await session.orgId();
  return everyPage(async (page) => {
    const answer = await session.api.roles.listRoles({ orgId, page });
    return { items: answer.roles, next: answer.page?.next };
  });
};

/** @throws UnknownNameError */
export const findRole = async (session: Session, name: string): Promise<CustomRole> =>
  findByName('role', name, await listRoles(session), ['truffle role list']);

export const permissions: Handler = async (cli) => {
  const session = await cli.session();
  await cli.out.list(permissionView, (await session.api.access.listPermissions({})).permissions);
};

export const list: Handler = async (cli) => {
  await cli.out.list(roleView, await listRoles(await cli.session()));
};

export const get: Handler = async (cli, [name = '']) => {
  await cli.out.one(roleView, await findRole(await cli.session(), name));
};
