import { OperationState } from '@truffle/api/orchestration/v1/operation';
import type { TruffleClient } from '@truffle/api';
import type { World } from './pages.fixture.ts';
import type { Person } from './people.fixture.ts';
import type { Stack } from './stack.fixture.ts';
import { furnish } from './world.access.fixture.ts';

/** Longer than an operation takes on a machine that is busy with other tests. */
const operationMs = 120_000;

/** Id of the newest version of a template of the catalogue. */
export async function versionOf(api: TruffleClient, orgId: string, name: string): Promise<string> {
  const { templates } = await api.templates.listTemplates({ orgId, name });
  return templates[0]?.latestVersionId ?? '';
}

/** Has a cluster made in the stack's project, and waits until it is. */
export async function newCluster(
  stack: Pick<Stack, 'api' | 'orgId' | 'projectId' | 'agentId'>,
  name: string,
  template = 'static-site',
): Promise<{ readonly clusterId: string; readonly operationId: string }> {
  const { api, orgId, projectId, agentId } = stack;
  const spec = { name, agentId, templateVersionId: await versionOf(api, orgId, template) };
  const { cluster, operation } = await api.clusters.createCluster({ projectId, spec });
  const operationId = operation?.id ?? '';
  await succeeded(api, operationId);
  return { clusterId: cluster?.id ?? '', operationId };
}

/** Waits for an operation's end. @throws Error when it is not a success */
export async function succeeded(api: TruffleClient, operationId: string): Promise<void> {
  let state = OperationState.UNSPECIFIED;
  for await (const { operation: now } of api.operations.watchOperation({ operationId }, { timeoutMs: operationMs }))
    state = now?.state ?? state;
  if (state !== OperationState.SUCCEEDED) throw new Error(`the operation ended ${OperationState[state]}`);
}

/** The stack's own organization with a cluster in it. */
export async function fullWorld(stack: Stack, clusterName: string): Promise<World> {
  const { api, orgId, projectId, agentId } = stack;
  const furniture = await furnish(stack);
  const [{ organization }, { project }, versionId, made] = await Promise.all([
    api.organizations.getOrganization({ orgId }),
    api.projects.getProject({ projectId }),
    versionOf(api, orgId, 'static-site'),
    newCluster(stack, clusterName),
  ]);
  const { servers } = await api.servers.listServers({ clusterId: made.clusterId });
  return {
    org: organization?.name ?? '',
    project: project?.name ?? '',
    agentId,
    versionId,
    ...made,
    serverId: servers[0]?.id ?? '',
    ...furniture,
    ownerEmail: stack.owner.email,
  };
}

/** An organization as signing up makes it. */
export async function emptyWorld(person: Person): Promise<World> {
  const { project } = await person.api.projects.getProject({ projectId: person.projectId });
  return {
    org: person.org,
    project: project?.name ?? '',
    agentId: '',
    clusterId: '',
    operationId: '',
    serverId: '',
    groupId: '',
    templateId: '',
    ownerEmail: person.email,
    versionId: await versionOf(person.api, person.orgId, 'static-site'),
  };
}
