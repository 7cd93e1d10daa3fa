import { create } from '@bufbuild/protobuf';
import { CustomRoleSchema, type CustomRole } from '@truffle/api/tenant/v1/role';
import type { Handler } from '../command.ts';
import { findByName } from '../lookup/lookup.ts';
import { everyPage } from '../lookup/pages.ts';
import type { SortFlags } from '../lookup/sort.ts';
import type { Session } from '../session.ts';
import { builtInMark, builtInRoles, permissionView, roleView } from './role.view.ts';

const listRoles = async (session: Session, orderBy = ''): Promise<CustomRole[]> => {
  const orgId = await session.orgId();
  return everyPage(async (page) => {
    const answer = await session.api.roles.listRoles({ orgId, orderBy, page });
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

/** The built-in roles as rows beside the organization's own: without id, revision and times. */
const builtIn = async (session: Session): Promise<CustomRole[]> => {
  const { permissions: all } = await session.api.access.listPermissions({});
  return builtInRoles.map(([name, role]) =>
    create(CustomRoleSchema, {
      name,
      description: builtInMark,
      permissions: all.filter((each) => each.roles.includes(role)).map((each) => each.name),
    }),
  );
};

export const list: Handler<SortFlags> = async (cli, _, { sort }) => {
  const session = await cli.session();
  await cli.out.list(roleView, [...(await builtIn(session)), ...(await listRoles(session, sort))]);
};

export const get: Handler = async (cli, [name = '']) => {
  const session = await cli.session();
  const own = builtInRoles.some(([each]) => each === name)
    ? (await builtIn(session)).find((each) => each.name === name)
    : undefined;
  await cli.out.one(roleView, own ?? (await findRole(session, name)));
};
