import { getOption, type DescMethod } from '@bufbuild/protobuf';
import { AgentService } from '@truffle/api/agent/v1/agent_service';
import { rules } from '@truffle/api/options/v1/method';
import { ClusterService, ServerService } from '@truffle/api/orchestration/v1/cluster_service';
import { OperationService } from '@truffle/api/orchestration/v1/operation_service';
import { TemplateService } from '@truffle/api/template/v1/template_service';
import { ApiKeyService, MemberService } from '@truffle/api/tenant/v1/account_service';
import { AuditService } from '@truffle/api/tenant/v1/audit_service';
import { AuditStreamService } from '@truffle/api/tenant/v1/audit_stream_service';
import { ConnectionService } from '@truffle/api/tenant/v1/connection_service';
import { GroupService } from '@truffle/api/tenant/v1/group_service';
import { InvitationService } from '@truffle/api/tenant/v1/invitation_service';
import { RoleService } from '@truffle/api/tenant/v1/role_service';
import { ServiceAccountService } from '@truffle/api/tenant/v1/service_account_service';
import { ProjectService, WorkspaceService } from '@truffle/api/tenant/v1/tenancy_service';
import { TrustService } from '@truffle/api/tenant/v1/trust_service';
import { expect, test } from 'vitest';
import { reference } from '../reference/reference.ts';

const lists: Readonly<Record<string, DescMethod>> = {
  'agent list': AgentService.method.listAgents,
  'api-key list': ApiKeyService.method.listApiKeys,
  'audit list': AuditService.method.listAuditRecords,
  'audit stream list': AuditStreamService.method.listAuditStreams,
  'cluster list': ClusterService.method.listClusters,
  'group list': GroupService.method.listGroups,
  'group members': GroupService.method.listGroupMembers,
  'invitation list': InvitationService.method.listInvitations,
  'member list': MemberService.method.listBindings,
  'operation list': OperationService.method.listOperations,
  'project list': ProjectService.method.listProjects,
  'role list': RoleService.method.listRoles,
  'server list': ServerService.method.listServers,
  'service-account list': ServiceAccountService.method.listServiceAccounts,
  'sso domains': ConnectionService.method.listDomains,
  'sso list': ConnectionService.method.listConnections,
  'template list': TemplateService.method.listTemplates,
  'trust list': TrustService.method.listTrusts,
  'trust tokens': TrustService.method.listWorkloadTokens,
  'workspace list': WorkspaceService.method.listWorkspaces,
};

test('each list that can be sorted says by what, as the contract has it', () => {
  const sections = reference().split('\n## truffle ');
  const sorted = sections.filter((section) => section.includes('--sort <order>'));
  expect(sorted.map((section) => section.split('\n')[0] ?? '').toSorted()).toEqual(Object.keys(lists).toSorted());
  for (const section of sorted) {
    const method = lists[section.split('\n')[0] ?? ''] as DescMethod;
    const fields = getOption(method, rules).orders.map((each) => each.split(' ')[0]);
    expect(section.replaceAll(/\s+/g, ' '), method.name).toContain(`by ${fields.join(', ')};`);
  }
});
