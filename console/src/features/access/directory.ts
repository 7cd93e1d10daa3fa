import { useQuery } from '@connectrpc/connect-query';
import { AgentService } from '@truffle/api/agent/v1/agent_service';
import { GroupService } from '@truffle/api/tenant/v1/group_service';
import { RoleService } from '@truffle/api/tenant/v1/role_service';
import { ServiceAccountService } from '@truffle/api/tenant/v1/service_account_service';
import { WorkspaceService } from '@truffle/api/tenant/v1/tenancy_service';
import { usePlace } from '../../app/place.tsx';
import { texts } from '../../texts/texts.ts';
import type { Option } from '../../ui/choice.tsx';

const page = { size: 500 };

/** What people call that which bindings speak of. What the caller may not list goes by its id. */
export interface Directory {
  readonly orgId: string;
  /** Name of anything by its id. */
  readonly nameOf: (id: string) => string;
  /** Where a role can be given, from the organization down. */
  readonly places: readonly Option[];
  /** Those of them that are in the tenancy tree: organization, workspaces, projects. */
  readonly tree: readonly Option[];
  readonly groups: readonly Option[];
  readonly serviceAccounts: readonly Option[];
  /** The organization's own. */
  readonly roles: readonly Option[];
}

const optionsOf = (kind: string, things: readonly { readonly id: string; readonly name: string }[] = []): Option[] =>
  things.map(({ id, name }) => ({ value: id, label: `${kind} ${name}` }));

/** Names and places of the organization that the page is in. */
export function useDirectory(): Directory {
  const { organization, projects } = usePlace();
  const orgId = organization?.id ?? '';
  const enabled = orgId !== '';
  const workspaces = useQuery(WorkspaceService.method.listWorkspaces, { orgId, page }, { enabled });
  const agents = useQuery(AgentService.method.listAgents, { orgId, page }, { enabled });
  const groups = useQuery(GroupService.method.listGroups, { orgId, page }, { enabled });
  const accounts = useQuery(ServiceAccountService.method.listServiceAccounts, { orgId, page }, { enabled });
  const roles = useQuery(RoleService.method.listRoles, { orgId, page }, { enabled });
  const kinds = texts.access.kinds;
  const tree = [
    ...(organization === undefined ? [] : optionsOf(kinds.organization, [organization])),
    ...optionsOf(kinds.workspace, workspaces.data?.workspaces),
    ...optionsOf(kinds.project, projects),
  ];
  const places = [...tree, ...optionsOf(kinds.site, agents.data?.agents)];
  const named = {
    groups: optionsOf(kinds.group, groups.data?.groups),
    serviceAccounts: optionsOf(kinds.serviceAccount, accounts.data?.serviceAccounts),
    roles: optionsOf(kinds.role, roles.data?.roles),
  };
  const names = new Map([...places, ...Object.values(named).flat()].map(({ value, label }) => [value, label]));
  return { orgId, nameOf: (id) => names.get(id) ?? id, places, tree, ...named };
}
