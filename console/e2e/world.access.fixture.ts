import { AuditStreamKind } from '@truffle/api/tenant/v1/audit_stream';
import { Role } from '@truffle/api/tenant/v1/account';
import { uniqueName } from './people.fixture.ts';
import type { Stack } from './stack.fixture.ts';

/** Puts one of everything into the stack's organization that says who may do what, and how it is kept safe. */
export async function furnish({
  api,
  orgId,
  owner,
}: Stack): Promise<{ readonly groupId: string; readonly templateId: string }> {
  // One after the other: one organization has only so many places at once.
  const { group } = await api.groups.createGroup({
    orgId,
    name: uniqueName('deployers'),
    description: 'Those who deploy',
  });
  const groupId = group?.id ?? '';
  await api.groups.addGroupMember({ groupId, email: owner.email });
  await api.members.setBinding({ scopeId: orgId, subject: `group:${groupId}`, role: Role.OPERATOR });
  await api.roles.createRole({
    orgId,
    name: uniqueName('maker'),
    description: 'Makes clusters',
    permissions: ['cluster.create', 'cluster.get'],
  });
  const { serviceAccount } = await api.serviceAccounts.createServiceAccount({
    orgId,
    name: uniqueName('ci'),
    description: 'Continuous integration',
  });
  await api.apiKeys.createApiKey({
    scopeId: orgId,
    name: 'build server',
    serviceAccountId: serviceAccount?.id ?? '',
    permissions: ['cluster.get'],
  });
  await api.invitations.createInvitation({
    scopeId: orgId,
    email: `${uniqueName('ben')}@example.com`,
    role: Role.VIEWER,
  });
  await api.trusts.createTrust({
    scopeId: orgId,
    name: 'site deploys',
    issuer: 'https://token.actions.githubusercontent.com',
    audience: 'truffle',
    conditions: [{ claim: 'repository', pattern: 'acme/site' }],
    role: Role.OPERATOR,
  });
  await api.auditStreams.createAuditStream({
    orgId,
    name: uniqueName('siem'),
    target: { kind: AuditStreamKind.SYSLOG_TLS, address: 'siem.acme.example:6514' },
  });
  const { connection } = await api.connections.createConnection({
    orgId,
    name: uniqueName('staff'),
    issuer: 'https://login.acme.example',
    clientId: 'truffle',
    mappings: [{ claim: 'groups', value: 'ops', role: Role.OPERATOR, scopeId: orgId }],
  });
  await api.connections.addDomain({ connectionId: connection?.id ?? '', domain: `${uniqueName('acme')}.example` });
  const template = uniqueName('little');
  await api.templates.createTemplateVersion({ orgId, source: templateSource(template, '1.0.0', 1) });
  const newest = await api.templates.createTemplateVersion({ orgId, source: templateSource(template, '1.1.0', 2) });
  return { groupId, templateId: newest.template?.id ?? '' };
}

const templateSource = (name: string, version: string, cpu: number): string => `apiVersion: truffle.dev/v1
kind: Template
metadata: { name: ${name}, version: ${version}, title: Little, summary: One server., license: Apache-2.0 }
servers:
  vm: { count: 1, image: debian-12, cpu: ${cpu}, memory: 1GiB, disk: 10GiB }
`;
