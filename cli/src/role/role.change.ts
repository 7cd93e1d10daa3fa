import { randomUUID } from 'node:crypto';
import type { Handler } from '../command.ts';
import { idempotencyHeader } from '../connection/connection.ts';
import { UsageError } from '../failure/cli-error.ts';
import { present } from '../lookup/find.ts';
import { demandName } from '../prompt/prompt.ts';
import { findRole } from './role.read.ts';
import { roleView } from './role.view.ts';

interface Flags {
  readonly permission?: string[];
  readonly description?: string;
}

function givenPermissions({ permission = [] }: Flags): string[] {
  if (permission.length === 0)
    throw new UsageError('of which permissions?', { next: ['--permission NOUN.VERB', 'truffle role permissions'] });
  return permission;
}

export const create: Handler<Flags> = async (cli, [name = ''], flags) => {
  const permissions = givenPermissions(flags);
  const session = await cli.session();
  const { role } = await session.api.roles.createRole(
    { orgId: await session.orgId(), name, permissions, description: flags.description ?? '' },
    { headers: { [idempotencyHeader]: randomUUID() } },
  );
  await cli.out.one(roleView, present(role));
};

export const set: Handler<Flags> = async (cli, [name = ''], flags) => {
  const permissions = givenPermissions(flags);
  const session = await cli.session();
  const { id: roleId, revision, description } = await findRole(session, name);
  const wanted = { roleId, revision, permissions, description: flags.description ?? description };
  await cli.out.one(roleView, present((await session.api.roles.updateRole(wanted)).role));
};

export const remove: Handler<{ readonly yes?: boolean }> = async (cli, [name = ''], { yes = false }) => {
  const session = await cli.session();
  const role = await findRole(session, name);
  await demandName(cli, `deletes the role ${role.name}`, role.name, yes);
  await session.api.roles.deleteRole({ roleId: role.id, revision: role.revision });
  await cli.out.plain({ id: role.id, deleted: true }, `role ${role.name} deleted`, role.name);
};
