import { randomUUID } from 'node:crypto';
import { ProjectSchema } from '@truffle/api/tenant/v1/tenancy';
import type { Handler } from '../command.ts';
import { idempotencyHeader } from '../connection/connection.ts';
import { UsageError } from '../failure/cli-error.ts';
import { findProject, findWorkspace, listProjects, listWorkspaces, present } from '../lookup/find.ts';
import type { SortFlags } from '../lookup/sort.ts';
import type { View } from '../output/output.ts';
import { age } from '../output/text.ts';
import { demandName } from '../prompt/prompt.ts';
import type { Session } from '../session.ts';

const projectView: View<typeof ProjectSchema> = {
  schema: ProjectSchema,
  name: (each) => each.name,
  columns: {
    NAME: (each) => each.name,
    WORKSPACE: (each) => each.workspaceId,
    AGE: (each, now) => age(each.createdAt, now),
    ID: (each) => each.id,
  },
};

export const list: Handler<SortFlags> = async (cli, _, { sort }) => {
  await cli.out.list(projectView, await listProjects(await cli.session(), sort));
};

export const get: Handler = async (cli, [name]) => {
  const session = await cli.session();
  await cli.out.one(projectView, await findProject(session, name ?? (await session.projectId())));
};

export const create: Handler<{ readonly workspace?: string }> = async (cli, [name = ''], { workspace }) => {
  const session = await cli.session();
  const workspaceId =
    workspace === undefined ? await onlyWorkspace(session) : (await findWorkspace(session, workspace)).id;
  const { project } = await session.api.projects.createProject(
    { workspaceId, name },
    { headers: { [idempotencyHeader]: randomUUID() } },
  );
  await cli.out.one(projectView, present(project));
  cli.notes.say(`work in it: --project ${name}, or for all commands: truffle context use --project ${name}`);
};

async function onlyWorkspace(session: Session): Promise<string> {
  const all = await listWorkspaces(session);
  const chosen = all.length === 1 ? all[0] : all.find((each) => each.name === 'default');
  if (chosen === undefined)
    throw new UsageError('in which workspace?', { details: all.map((each) => each.name), next: ['--workspace NAME'] });
  return chosen.id;
}

export const remove: Handler<{ readonly yes?: boolean }> = async (cli, [name = ''], { yes = false }) => {
  const session = await cli.session();
  const project = await findProject(session, name);
  await demandName(cli, `deletes the project ${project.name}`, project.name, yes);
  await session.api.projects.deleteProject({ projectId: project.id });
  await cli.out.plain({ id: project.id, deleted: true }, `project ${project.name} deleted`, project.name);
};
