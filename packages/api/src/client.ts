import type { DescService } from '@bufbuild/protobuf';
import { createClient, type Client, type Transport } from '@connectrpc/connect';
import { AgentService, EnrollmentService } from '../gen/truffle/agent/v1/agent_service_pb.js';
import { MetricService } from '../gen/truffle/agent/v1/metric_service_pb.js';
import { RecoveryService } from '../gen/truffle/agent/v1/recovery_service_pb.js';
import { RolloutService } from '../gen/truffle/agent/v1/rollout_service_pb.js';
import { SealingKeyService } from '../gen/truffle/agent/v1/sealing_key_service_pb.js';
import { PlanService } from '../gen/truffle/billing/v1/plan_service_pb.js';
import { ClusterService, ServerService } from '../gen/truffle/orchestration/v1/cluster_service_pb.js';
import { ImageService } from '../gen/truffle/orchestration/v1/image_service_pb.js';
import { OperationService } from '../gen/truffle/orchestration/v1/operation_service_pb.js';
import { OrphanService } from '../gen/truffle/orchestration/v1/orphan_service_pb.js';
import { ServerMetricService } from '../gen/truffle/orchestration/v1/server_metric_service_pb.js';
import { SnapshotService } from '../gen/truffle/orchestration/v1/snapshot_service_pb.js';
import { TemplateService } from '../gen/truffle/template/v1/template_service_pb.js';
import { MemberSessionService } from '../gen/truffle/tenant/v1/member_session_service_pb.js';
import { AccountService, ApiKeyService, MemberService } from '../gen/truffle/tenant/v1/account_service_pb.js';
import { AllowlistService } from '../gen/truffle/tenant/v1/allowlist_service_pb.js';
import { AddressService } from '../gen/truffle/tenant/v1/address_service_pb.js';
import { AuditService } from '../gen/truffle/tenant/v1/audit_service_pb.js';
import { AuditStreamService } from '../gen/truffle/tenant/v1/audit_stream_service_pb.js';
import { ConnectionService } from '../gen/truffle/tenant/v1/connection_service_pb.js';
import { DeviceService } from '../gen/truffle/tenant/v1/device_service_pb.js';
import { SsoService } from '../gen/truffle/tenant/v1/sso_service_pb.js';
import { ImpersonationService } from '../gen/truffle/tenant/v1/impersonation_service_pb.js';
import { TrustService } from '../gen/truffle/tenant/v1/trust_service_pb.js';
import { EventService } from '../gen/truffle/tenant/v1/event_service_pb.js';
import { FactorService } from '../gen/truffle/tenant/v1/factor_service_pb.js';
import { InvitationService } from '../gen/truffle/tenant/v1/invitation_service_pb.js';
import { AccessService } from '../gen/truffle/tenant/v1/access_service_pb.js';
import { GroupService } from '../gen/truffle/tenant/v1/group_service_pb.js';
import { RoleService } from '../gen/truffle/tenant/v1/role_service_pb.js';
import { ServiceAccountService } from '../gen/truffle/tenant/v1/service_account_service_pb.js';
import { SessionService } from '../gen/truffle/tenant/v1/session_service_pb.js';
import { OrganizationService, ProjectService, WorkspaceService } from '../gen/truffle/tenant/v1/tenancy_service_pb.js';

const services = {
  serviceAccounts: ServiceAccountService,
  roles: RoleService,
  groups: GroupService,
  access: AccessService,
  accounts: AccountService,
  addresses: AddressService,
  agents: AgentService,
  allowlists: AllowlistService,
  apiKeys: ApiKeyService,
  audit: AuditService,
  auditStreams: AuditStreamService,
  clusters: ClusterService,
  connections: ConnectionService,
  devices: DeviceService,
  enrollment: EnrollmentService,
  events: EventService,
  factors: FactorService,
  images: ImageService,
  invitations: InvitationService,
  members: MemberService,
  memberSessions: MemberSessionService,
  metrics: MetricService,
  operations: OperationService,
  organizations: OrganizationService,
  orphans: OrphanService,
  plans: PlanService,
  projects: ProjectService,
  recovery: RecoveryService,
  rollouts: RolloutService,
  sealingKeys: SealingKeyService,
  serverMetrics: ServerMetricService,
  servers: ServerService,
  sessions: SessionService,
  snapshots: SnapshotService,
  sso: SsoService,
  templates: TemplateService,
  impersonations: ImpersonationService,
  trusts: TrustService,
  workspaces: WorkspaceService,
} as const;

/** Every public service of the contract. */
export const publicServices: readonly DescService[] = Object.values(services);

/** One client for each public service, by its noun. */
export type TruffleClient = { readonly [N in keyof typeof services]: Client<(typeof services)[N]> };

/** The public API over `transport` (Connect, gRPC or gRPC-Web, as the transport is). Calls fail with ConnectError. */
export function createTruffleClient(transport: Transport): TruffleClient {
  return {
    serviceAccounts: createClient(services.serviceAccounts, transport),
    roles: createClient(services.roles, transport),
    groups: createClient(services.groups, transport),
    access: createClient(services.access, transport),
    accounts: createClient(services.accounts, transport),
    addresses: createClient(services.addresses, transport),
    agents: createClient(services.agents, transport),
    allowlists: createClient(services.allowlists, transport),
    apiKeys: createClient(services.apiKeys, transport),
    audit: createClient(services.audit, transport),
    auditStreams: createClient(services.auditStreams, transport),
    clusters: createClient(services.clusters, transport),
    connections: createClient(services.connections, transport),
    devices: createClient(services.devices, transport),
    enrollment: createClient(services.enrollment, transport),
    events: createClient(services.events, transport),
    factors: createClient(services.factors, transport),
    images: createClient(services.images, transport),
    invitations: createClient(services.invitations, transport),
    members: createClient(services.members, transport),
    memberSessions: createClient(services.memberSessions, transport),
    metrics: createClient(services.metrics, transport),
    operations: createClient(services.operations, transport),
    organizations: createClient(services.organizations, transport),
    orphans: createClient(services.orphans, transport),
    plans: createClient(services.plans, transport),
    projects: createClient(services.projects, transport),
    recovery: createClient(services.recovery, transport),
    rollouts: createClient(services.rollouts, transport),
    sealingKeys: createClient(services.sealingKeys, transport),
    serverMetrics: createClient(services.serverMetrics, transport),
    servers: createClient(services.servers, transport),
    sessions: createClient(services.sessions, transport),
    snapshots: createClient(services.snapshots, transport),
    sso: createClient(services.sso, transport),
    templates: createClient(services.templates, transport),
    impersonations: createClient(services.impersonations, transport),
    trusts: createClient(services.trusts, transport),
    workspaces: createClient(services.workspaces, transport),
  };
}
