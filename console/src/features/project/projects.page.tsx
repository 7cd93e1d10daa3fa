import { useMutation } from '@connectrpc/connect-query';
import { Heading } from '@radix-ui/themes';
import { Link, useParams } from '@tanstack/react-router';
import type { Project, Workspace } from '@truffle/api/tenant/v1/tenancy';
import { ProjectService, WorkspaceService } from '@truffle/api/tenant/v1/tenancy_service';
import { usePlace } from '../../app/place.tsx';
import { texts } from '../../texts/texts.ts';
import { Delete } from '../../ui/delete.tsx';
import { List } from '../../ui/list.tsx';
import { Empty, Notice } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { usePages } from '../../ui/pages.ts';
import { useSorting } from '../../ui/sorting.ts';
import { Ago } from '../../ui/time.tsx';
import { NewProject } from './new-project.tsx';
import { NewWorkspace } from './new-workspace.tsx';

const text = texts.project;

/** The organization's projects, which clusters live in, and the workspaces that they are in. */
export default function ProjectsPage() {
  const { org } = useParams({ from: '/o/$org/projects' });
  const { organization } = usePlace();
  const orgId = organization?.id ?? '';
  const sorting = useSorting('name');
  // The page has two lists, so that of workspaces has an address of its own for its order.
  const workspaceSorting = useSorting('name', 'workspaces');
  const options = { size: 500, enabled: orgId !== '' };
  const projects = usePages(
    ProjectService.method.listProjects,
    { orgId, orderBy: sorting.by },
    (answer) => answer.projects,
    options,
  );
  const workspaces = usePages(
    WorkspaceService.method.listWorkspaces,
    { orgId, orderBy: workspaceSorting.by },
    (answer) => answer.workspaces,
    options,
  );
  const known = workspaces.rows ?? [];
  const workspaceOf = ({ workspaceId }: Project): string =>
    known.find(({ id }) => id === workspaceId)?.name ?? workspaceId;
  return (
    <Page title={text.many} actions={<NewProject workspaces={known} />}>
      <List
        label={text.many}
        pages={projects}
        sorting={sorting}
        empty={<Empty title={text.none} hint={text.hint} command="truffle project create web --workspace default" />}
        keyOf={({ id }) => id}
        columns={[
          {
            title: text.name,
            sort: 'name',
            cell: ({ name }) => (
              <Link to="/o/$org/p/$project" params={{ org, project: name }} className="row-link">
                {name}
              </Link>
            ),
          },
          { title: text.workspace, cell: workspaceOf },
          { title: text.made, sort: 'created_at', cell: ({ createdAt }) => <Ago at={createdAt} /> },
          { title: text.actions, cell: (project) => <DeleteProject project={project} /> },
        ]}
      />
      <Heading as="h2" size="4" mt="3">
        {text.workspaces}
      </Heading>
      <div>
        <NewWorkspace orgId={orgId} />
      </div>
      <List
        label={text.workspaces}
        pages={workspaces}
        sorting={workspaceSorting}
        empty={<Empty title={text.noWorkspaces} hint={text.workspacesHint} command="truffle workspace create shop" />}
        keyOf={({ id }) => id}
        columns={[
          { title: text.name, sort: 'name', cell: ({ name }) => name },
          { title: text.made, sort: 'created_at', cell: ({ createdAt }) => <Ago at={createdAt} /> },
          { title: text.actions, cell: (workspace) => <DeleteWorkspace workspace={workspace} /> },
        ]}
      />
    </Page>
  );
}

function DeleteProject({ project: { id, name, revision } }: { readonly project: Project }) {
  const remove = useMutation(ProjectService.method.deleteProject);
  return (
    <>
      <Delete
        name={name}
        hint={text.deleteHint}
        permission="project.delete"
        on={id}
        onDelete={() => remove.mutate({ projectId: id, revision })}
      />
      {remove.error !== null && <Notice error={remove.error} />}
    </>
  );
}

function DeleteWorkspace({ workspace: { id, name, revision } }: { readonly workspace: Workspace }) {
  const remove = useMutation(WorkspaceService.method.deleteWorkspace);
  return (
    <>
      <Delete
        name={name}
        hint={text.deleteWorkspaceHint}
        permission="workspace.delete"
        on={id}
        onDelete={() => remove.mutate({ workspaceId: id, revision })}
      />
      {remove.error !== null && <Notice error={remove.error} />}
    </>
  );
}
