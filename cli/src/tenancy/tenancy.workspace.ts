import { randomUUID } from 'node:crypto';
import { WorkspaceSchema } from '@truffle/api/tenant/v1/tenancy';
import type { Handler } from '../command.ts';
import { idempotencyHeader } from '../connection/connection.ts';
import { findWorkspace, listWorkspaces, present } from '../lookup/find.ts';
import type { SortFlags } from '../lookup/sort.ts';
import type { View } from '../output/output.ts';
import { age } from '../output/text.ts';
import { demandName } from '../prompt/prompt.ts';

const workspaceView: View<typeof WorkspaceSchema> = {
  schema: WorkspaceSchema,
  name: (each) => each.name,
  columns: { NAME: (each) => each.name, AGE: (each, now) => age(each.createdAt, now), ID: (each) => each.id },
};

export const list: Handler<SortFlags> = async (cli, _, { sort }) => {
  await cli.out.list(workspaceView, await listWorkspaces(await cli.session(), sort));
};

export const get: Handler = async (cli, [name = '']) => {
  await cli.out.one(workspaceView, await findWorkspace(await cli.session(), name));
};

export const create: Handler = async (cli, [name = '']) => {
  const session = await cli.session();
  const { workspace } = await session.api.workspaces.createWorkspace(
    { orgId: await session.orgId(), name },
    { headers: { [idempotencyHeader]: randomUUID() } },
  );
  await cli.out.one(workspaceView, present(workspace));
};

export const remove: Handler<{ readonly yes?: boolean }> = async (cli, [name = ''], { yes = false }) => {
  const session = await cli.session();
  const workspace = await findWorkspace(session, name);
  await demandName(cli, `deletes the workspace ${workspace.name}`, workspace.name, yes);
  await session.api.workspaces.deleteWorkspace({ workspaceId: workspace.id });
  await cli.out.plain({ id: workspace.id, deleted: true }, `workspace ${workspace.name} deleted`, workspace.name);
};
