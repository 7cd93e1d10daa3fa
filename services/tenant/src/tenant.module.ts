import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { AccountService, ApiKeyService, MemberService } from '@truffle/api/tenant/v1/account_service';
import { AddressRuleService, AllowlistService } from '@truffle/api/tenant/v1/allowlist_service';
import { AddressService } from '@truffle/api/tenant/v1/address_service';
import type { DescService } from '@bufbuild/protobuf';
import { AuditService } from '@truffle/api/tenant/v1/audit_service';
import { AuditStreamService } from '@truffle/api/tenant/v1/audit_stream_service';
import { ConnectionService } from '@truffle/api/tenant/v1/connection_service';
import { DeviceService } from '@truffle/api/tenant/v1/device_service';
import { EventService } from '@truffle/api/tenant/v1/event_service';
import { FactorService } from '@truffle/api/tenant/v1/factor_service';
import { IdentityService } from '@truffle/api/tenant/v1/identity_service';
import { ImpersonationService } from '@truffle/api/tenant/v1/impersonation_service';
import { MemberSessionService } from '@truffle/api/tenant/v1/member_session_service';
import { InvitationService } from '@truffle/api/tenant/v1/invitation_service';
import { SessionService } from '@truffle/api/tenant/v1/session_service';
import { SsoService } from '@truffle/api/tenant/v1/sso_service';
import { OrganizationService, ProjectService, WorkspaceService } from '@truffle/api/tenant/v1/tenancy_service';
import { AccessService } from '@truffle/api/tenant/v1/access_service';
import { GroupService } from '@truffle/api/tenant/v1/group_service';
import { RoleService } from '@truffle/api/tenant/v1/role_service';
import { ServiceAccountService } from '@truffle/api/tenant/v1/service_account_service';
import { TrustService } from '@truffle/api/tenant/v1/trust_service';
import { integer, list, readSettings, text } from '@truffle/config';
import type { LedgerTables } from '@truffle/database';
import { Authorizer, IdempotencyStore, type MakeModule, type ServiceModule } from '@truffle/kit';
import { accessRpc } from './access/access.rpc.ts';
import { accountRpc } from './account/account.rpc.ts';
import { addressRpc } from './account/address.rpc.ts';
import { addressRuleRpc, allowlistRpc } from './allowlist/allowlist.rpc.ts';
import { apiKeyRpc } from './api-key/api-key.rpc.ts';
import { auditRpc } from './audit/audit.rpc.ts';
import { openAudit } from './audit/audit.ts';
import { auditStreamRpc } from './audit-stream/audit-stream.rpc.ts';
import { memberRpc } from './binding/binding.rpc.ts';
import { connectionRpc } from './connection/connection.rpc.ts';
import { deviceRpc } from './device/device.rpc.ts';
import { eventRpc } from './event/event.rpc.ts';
import type { ProjectsIn } from './event/event.view.ts';
import { EventHub } from './event/hub.ts';
import { Relay } from './event/relay.ts';
import { factorRpc } from './factor/factor.rpc.ts';
import { siteOf } from './factor/passkey.ts';
import { groupRpc } from './group/group.rpc.ts';
import { identityRpc } from './identity/identity.rpc.ts';
import { impersonationRpc } from './impersonation/impersonation.rpc.ts';
import { invitationRpc } from './invitation/invitation.rpc.ts';
import { memberSessionRpc } from './member/member.rpc.ts';
import { openMail } from './mail/mail.office.ts';
import { organizationRpc } from './organization/organization.rpc.ts';
import type { TenantParts } from './parts.ts';
import { projectsInWorkspaces } from './project/project.repo.ts';
import { projectRpc } from './project/project.rpc.ts';
import { roleRpc } from './role/role.rpc.ts';
import { tenantScopes } from './scopes.ts';
import { SecretAdoption } from './secret/secret.adoption.ts';
import { openSecrets } from './secret/secret.parts.ts';
import { serviceAccountRpc } from './service-account/service-account.rpc.ts';
import { sessionRpc } from './session/session.rpc.ts';
import type { TenantTables } from './tables.ts';
import { ssoParts, ssoSettings } from './sso/sso.parts.ts';
import { ssoRpc } from './sso/sso.rpc.ts';
import { trustRpc } from './trust/trust.rpc.ts';
import { workspaceRpc } from './workspace/workspace.rpc.ts';

const tenantSettings = {
  homeRegion: text('TRUFFLE_REGION', 'region of this control plane: home of the organizations that are made here', {
    fallback: 'local',
  }),
  suspendedAllowlists: list(
    'TRUFFLE_ALLOWLIST_SUSPENDED',
    'organizations (ids) whose allowlists for people and API keys are not enforced, until an owner who is shut out has mended them',
    { fallback: [] },
  ),
  auditCheckpoints: text(
    'TRUFFLE_AUDIT_CHECKPOINTS_DIR',
    'folder for signed checkpoints of the audit trail, best on another disk than the database; empty keeps them in the database alone',
    { fallback: '' },
  ),
  auditStreamGiveUpHours: integer(
    'TRUFFLE_AUDIT_STREAM_GIVE_UP_HOURS',
    'hours of failing after which a stream of the audit trail is disabled',
    { fallback: 72, min: 0, max: 8_760 },
  ),
  auditCheckpointSeconds: integer(
    'TRUFFLE_AUDIT_CHECKPOINT_SECONDS',
    'seconds between two checkpoints of an organization',
    {
      fallback: 60,
      min: 1,
      max: 86_400,
    },
  ),
  ...ssoSettings,
} as const;

const services: readonly DescService[] = [
  AccountService,
  AddressService,
  SessionService,
  FactorService,
  ImpersonationService,
  InvitationService,
  MemberService,
  MemberSessionService,
  ApiKeyService,
  RoleService,
  GroupService,
  ServiceAccountService,
  AccessService,
  OrganizationService,
  WorkspaceService,
  ProjectService,
  AllowlistService,
  AddressRuleService,
  IdentityService,
  ConnectionService,
  SsoService,
  DeviceService,
  TrustService,
  EventService,
  AuditService,
  AuditStreamService,
];

/** Organizations, accounts, roles, keys, and the ledger's relay and watchers. */
export const makeTenantModule: MakeModule = async (deps): Promise<ServiceModule> => {
  const settings = readSettings(tenantSettings, deps.env, noFile);
  const tenants = deps.database<TenantTables>('svc_tenant');
  const identity = deps.database<TenantTables>('svc_identity');
  const events = deps.database<TenantTables>('svc_ledger_reader', 5);
  const relayed = deps.database<LedgerTables>('svc_relay', 5);
  const secrets = openSecrets(deps);
  const mail = openMail(deps, identity, secrets.envelope);
  const scopes = tenantScopes(tenants, deps.peers);
  const parts: TenantParts = {
    tenants,
    identity,
    peers: deps.peers,
    bell: deps.bell,
    now: () => new Date(),
    places: new Authorizer(deps.peers, scopes),
    homeRegion: settings.homeRegion,
    suspendedAllowlists: new Set(settings.suspendedAllowlists),
    ...secrets,
    mailDelivers: mail.delivers,
    site: siteOf(mail.origin),
    ...ssoParts(settings, mail.origin, () => new Date()),
  };
  if (settings.suspendedAllowlists.length > 0)
    deps.logger.warn({ organizations: settings.suspendedAllowlists }, 'allowlists of addresses are not enforced');
  const audit = openAudit(deps, { events, tenants, identity, secrets, ...settings });
  const hub = new EventHub({ database: events, bell: deps.bell, logger: deps.logger });
  const holder = `${hostname()}/${randomUUID()}`;
  const relay = new Relay({ database: relayed, bell: deps.bell, logger: deps.logger, holder });
  const adoption = new SecretAdoption({ ...secrets, identity, streams: audit.adoption, logger: deps.logger });
  return {
    name: 'tenant',
    services,
    scopes,
    ledger: tenants as never,
    idempotency: new IdempotencyStore(tenants as never, 'tenant'),
    register: (router) =>
      void router
        .service(AccountService, accountRpc(parts))
        .service(AddressService, addressRpc(parts))
        .service(SessionService, sessionRpc(parts))
        .service(FactorService, factorRpc(parts))
        .service(ImpersonationService, impersonationRpc(parts))
        .service(InvitationService, invitationRpc(parts))
        .service(MemberService, memberRpc(parts))
        .service(MemberSessionService, memberSessionRpc(parts))
        .service(ApiKeyService, apiKeyRpc(parts))
        .service(RoleService, roleRpc(parts))
        .service(GroupService, groupRpc(parts))
        .service(ServiceAccountService, serviceAccountRpc(parts))
        .service(AccessService, accessRpc(parts))
        .service(OrganizationService, organizationRpc(parts))
        .service(WorkspaceService, workspaceRpc(parts))
        .service(ProjectService, projectRpc(parts))
        .service(AllowlistService, allowlistRpc(parts))
        .service(AddressRuleService, addressRuleRpc(parts))
        .service(IdentityService, identityRpc(parts))
        .service(ConnectionService, connectionRpc(parts))
        .service(SsoService, ssoRpc(parts))
        .service(DeviceService, deviceRpc(parts))
        .service(TrustService, trustRpc(parts))
        .service(EventService, eventRpc(events, hub, projectsOf(tenants)))
        .service(AuditService, auditRpc(audit.parts))
        .service(AuditStreamService, auditStreamRpc(audit.streams)),
    start: async () => {
      for (const each of [adoption, relay, audit, mail.courier]) each.start();
    },
    ready: async () => void (await Promise.all([tenants.ping(), identity.ping()])),
    close: async () => {
      hub.close();
      await adoption.close();
      await Promise.all([audit.close(), mail.courier.close()]);
      await relay.close();
      await Promise.all([tenants, identity, events, relayed].map((database) => database.close()));
    },
  };
};

const projectsOf =
  (tenants: TenantParts['tenants']): ProjectsIn =>
  (orgId, workspaceIds) =>
    tenants.tenant(orgId, (tx) => projectsInWorkspaces(tx, workspaceIds));

const noFile = (path: string): string => {
  throw new TypeError(`no secret of the tenant service is in a file: ${path}`);
};
