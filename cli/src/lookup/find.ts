import type { Agent } from '@truffle/api/agent/v1/agent';
import type { Cluster, Server } from '@truffle/api/orchestration/v1/cluster';
import type { Template, TemplateVersion } from '@truffle/api/template/v1/template';
import type { Project, Workspace } from '@truffle/api/tenant/v1/tenancy';
import { isId } from '@truffle/ids';
import { UnknownNameError, UsageError } from '../failure/cli-error.ts';
import type { Session } from '../session.ts';
import { findByName } from './lookup.ts';
import { everyPage } from './pages.ts';

/** An answer always has its message; a server that leaves it out breaks the contract. */
export function present<T>(message: T | undefined): T {
  if (message === undefined) throw new TypeError('the control plane answered without what was asked for');
  return message;
}

export const listClusters = async (
  session: Session,
  filter: { readonly name?: string; readonly showDeleted?: boolean; readonly orderBy?: string } = {},
): Promise<Cluster[]> => {
  const projectId = await session.projectId();
  return everyPage(async (page) => {
    const answer = await session.api.clusters.listClusters({ projectId, ...filter, page });
    return { items: answer.clusters, next: answer.page?.next };
  });
};

/** @throws UnknownNameError */
export async function findCluster(session: Session, name: string): Promise<Cluster> {
  if (isId(name, 'clu')) return present((await session.api.clusters.getCluster({ clusterId: name })).cluster);
  const found = await listClusters(session, { name });
  if (found.length > 0) return findByName('cluster', name, found, []);
  return findByName('cluster', name, await listClusters(session), ['truffle cluster list']);
}

export const listServers = async (session: Session, clusterId: string, orderBy = ''): Promise<Server[]> =>
  everyPage(async (page) => {
    const answer = await session.api.servers.listServers({ clusterId, orderBy, page });
    return { items: answer.servers, next: answer.page?.next };
  });

/** Those of all clusters of the session's project. */
export const listProjectServers = async (session: Session, orderBy = ''): Promise<Server[]> => {
  const projectId = await session.projectId();
  return everyPage(async (page) => {
    const answer = await session.api.servers.listProjectServers({ projectId, orderBy, page });
    return { items: answer.servers, next: answer.page?.next };
  });
};

/** A server by id, or by name: it begins with its cluster's. */
export async function findServer(session: Session, name: string): Promise<Server> {
  if (isId(name, 'srv')) return present((await session.api.servers.getServer({ serverId: name })).server);
  const clusters = (await listClusters(session)).filter((each) => name.startsWith(`${each.name}-`));
  const servers = (await Promise.all(clusters.map((each) => listServers(session, each.id)))).flat();
  return findByName('server', name, servers, ['truffle server list']);
}

/** Id of an operation, or of a cluster's operation at work or, else, its latest. @throws UnknownNameError */
export async function findLatestOperation(session: Session, name: string): Promise<string> {
  if (isId(name, 'op')) return name;
  const cluster = await findCluster(session, name);
  if (cluster.operationId !== '') return cluster.operationId;
  const { operations } = await session.api.operations.listOperations({
    projectId: cluster.projectId,
    clusterId: cluster.id,
    page: { size: 1, token: '' },
  });
  const [latest] = operations;
  if (latest === undefined) throw new UnknownNameError('operation of the cluster', name, ['truffle operation list']);
  return latest.id;
}

export const listAgents = async (session: Session, name = '', orderBy = ''): Promise<Agent[]> => {
  const orgId = await session.orgId();
  return everyPage(async (page) => {
    const answer = await session.api.agents.listAgents({ orgId, name, orderBy, page });
    return { items: answer.agents, next: answer.page?.next };
  });
};

/** The agent with its inventory; without a name the organization's only one. @throws UnknownNameError; UsageError when there is a choice */
export async function findAgent(session: Session, name: string | undefined): Promise<Agent> {
  if (name !== undefined && isId(name, 'agt')) return getAgent(session, name);
  if (name !== undefined) {
    const found = await listAgents(session, name);
    return getAgent(
      session,
      findByName('agent', name, found.length > 0 ? found : await listAgents(session), ['truffle agent list']).id,
    );
  }
  const all = await listAgents(session);
  const [one, ...others] = all;
  if (one === undefined)
    throw new UsageError('no site is connected yet', { next: ['truffle agent join-token create NAME'] });
  if (others.length > 0)
    throw new UsageError('there is more than one agent', {
      details: all.map((each) => each.name),
      next: ['name one: --agent NAME', 'truffle agent list'],
    });
  return getAgent(session, one.id);
}

const getAgent = async (session: Session, agentId: string): Promise<Agent> =>
  present((await session.api.agents.getAgent({ agentId })).agent);

export const listTemplates = async (session: Session, name = '', orderBy = ''): Promise<Template[]> => {
  const orgId = await session.orgId();
  return everyPage(async (page) => {
    const answer = await session.api.templates.listTemplates({ orgId, name, orderBy, page });
    return { items: answer.templates, next: answer.page?.next };
  });
};

/** The template; an organization's own before one of the same name that ships with Truffle. @throws UnknownNameError */
export async function findTemplate(session: Session, name: string): Promise<Template> {
  if (isId(name, 'tpl'))
    return present(
      (await session.api.templates.getTemplate({ orgId: await session.orgId(), templateId: name })).template,
    );
  const [own] = (await listTemplates(session, name)).filter((each) => each.name === name);
  return own ?? findByName('template', name, await listTemplates(session), ['truffle template list']);
}

export const listVersions = async (session: Session, templateId: string): Promise<TemplateVersion[]> => {
  const orgId = await session.orgId();
  return everyPage(async (page) => {
    const answer = await session.api.templates.listTemplateVersions({ orgId, templateId, page });
    return { items: answer.versions, next: answer.page?.next };
  });
};

/** The version that `NAME`, `NAME@VERSION` or an id names, with its source. @throws UnknownNameError */
export async function findVersion(session: Session, reference: string): Promise<TemplateVersion> {
  const orgId = await session.orgId();
  const read = async (templateVersionId: string): Promise<TemplateVersion> =>
    present((await session.api.templates.getTemplateVersion({ orgId, templateVersionId })).version);
  if (isId(reference, 'tpv')) return read(reference);
  const at = reference.lastIndexOf('@');
  const template = await findTemplate(session, at < 1 ? reference : reference.slice(0, at));
  if (at < 1) return read(template.latestVersionId);
  const versions = await listVersions(session, template.id);
  const named = versions.map((each) => ({ id: each.id, name: each.version }));
  return read(
    findByName(`version of ${template.name}`, reference.slice(at + 1), named, [
      `truffle template versions ${template.name}`,
    ]).id,
  );
}

export const listWorkspaces = async (session: Session, orderBy = ''): Promise<Workspace[]> => {
  const orgId = await session.orgId();
  return everyPage(async (page) => {
    const answer = await session.api.workspaces.listWorkspaces({ orgId, orderBy, page });
    return { items: answer.workspaces, next: answer.page?.next };
  });
};

/** @throws UnknownNameError */
export async function findWorkspace(session: Session, name: string): Promise<Workspace> {
  if (isId(name, 'wks')) return present((await session.api.workspaces.getWorkspace({ workspaceId: name })).workspace);
  return findByName('workspace', name, await listWorkspaces(session), ['truffle workspace list']);
}

export const listProjects = async (session: Session, orderBy = ''): Promise<Project[]> => {
  const orgId = await session.orgId();
  return everyPage(async (page) => {
    const answer = await session.api.projects.listProjects({ orgId, orderBy, page });
    return { items: answer.projects, next: answer.page?.next };
  });
};

/** @throws UnknownNameError */
export async function findProject(session: Session, name: string): Promise<Project> {
  if (isId(name, 'prj')) return present((await session.api.projects.getProject({ projectId: name })).project);
  return findByName('project', name, await listProjects(session), ['truffle project list']);
}
