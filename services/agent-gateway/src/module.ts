import type { ConnectRouter } from '@connectrpc/connect';
import { readSettings } from '@truffle/config';
import type { Database } from '@truffle/database';
import { AgentService, EnrollmentService } from '@truffle/api/agent/v1/agent_service';
import { AgentCertificateService } from '@truffle/api/agent/v1/certificate_service';
import type { CommandKeySet } from '@truffle/api/agent/v1/command';
import { CommandService } from '@truffle/api/agent/v1/command_service';
import { OrganizationEndService } from '@truffle/api/agent/v1/organization_end_service';
import { AgentLinkService } from '@truffle/api/agent/v1/link';
import { AgentMetricReportService } from '@truffle/api/agent/v1/metric_report_service';
import { MetricReadService } from '@truffle/api/agent/v1/metric_read_service';
import { MetricService } from '@truffle/api/agent/v1/metric_service';
import { CommandKeyService } from '@truffle/api/orchestration/v1/command_key_service';
import { ServerHealthService } from '@truffle/api/orchestration/v1/server_health_service';
import { AddressRuleService } from '@truffle/api/tenant/v1/allowlist_service';
import { newId } from '@truffle/ids';
import { RecoveryService } from '@truffle/api/agent/v1/recovery_service';
import { RolloutService } from '@truffle/api/agent/v1/rollout_service';
import { AgentUpdateService } from '@truffle/api/agent/v1/update_service';
import { SealingKeyService } from '@truffle/api/agent/v1/sealing_key_service';
import {
  bells,
  readHostFile,
  type MakeModule,
  type ModuleDeps,
  type Peers,
  type ScopeOf,
  type ServiceModule,
} from '@truffle/kit';
import { AddressRuleBoard } from './address-rule/address-rule.board.ts';
import { alarm } from './agent/agent.quarantine.ts';
import { agentRpc, enrollmentRpc } from './agent/agent.rpc.ts';
import type { AgentParts } from './agent/agent.usecases.ts';
import { readAgentBriefs } from './agent/agent.repo.ts';
import { CommandKeyBoard } from './agent/command-key-board.ts';
import type { EnrollmentParts } from './agent/enrollment.usecases.ts';
import { certificateRenewal } from './agent/certificate.rpc.ts';
import { organizationEndRpc } from './agent/organization-end.rpc.ts';
import { recoveryRpc } from './agent/recovery.rpc.ts';
import { Authorities } from './authority/authorities.ts';
import { commandRpc } from './command/command.rpc.ts';
import { EndedCommands } from './command/ended-commands.ts';
import { gatewaySettings } from './gateway.settings.ts';
import { Gateway, type GatewayParts } from './gateway/gateway.ts';
import { metricReadRpc, metricReports, metricRpc } from './metric/metric.rpc.ts';
import { MetricIntake } from './metric/metric.usecases.ts';
import { rolloutRpc, updateChecks } from './rollout/rollout.rpc.ts';
import { sealingKeyRpc, sealingKeySync } from './sealing-key/sealing-key.rpc.ts';
import { serveLinks, type LinkServer } from './session/link.server.ts';
import type { Tables } from './tables.ts';

const services = [
  AgentService,
  EnrollmentService,
  RecoveryService,
  SealingKeyService,
  CommandService,
  AgentLinkService,
  AgentCertificateService,
  AgentMetricReportService,
  MetricService,
  MetricReadService,
  OrganizationEndService,
  RolloutService,
  AgentUpdateService,
];

/** The agent-gateway service: agents, their sessions, their commands. */
export const makeAgentGatewayModule: MakeModule = async (deps) => {
  const settings = readSettings(gatewaySettings, deps.env, readHostFile);
  const database = deps.database<Tables>('svc_agent_gateway', 16);
  const sweepDatabase = deps.database<Tables>('svc_agent_sweep', 4);
  const authorities = await Authorities.open(settings.authorityFolder);
  const { host, port } = addressOf(settings.listen);
  let server: LinkServer | undefined;
  const endpoints = () => (settings.endpoints.length > 0 ? settings.endpoints : [`${host}:${server?.port ?? port}`]);
  const ended = new EndedCommands(deps.bell);
  const keys = new CommandKeyBoard(() => commandKeysOf(deps.peers), deps.logger);
  const rules = addressRules(deps, () => gateway.rulesChanged());
  const gateway: Gateway = new Gateway({
    database,
    sweepDatabase,
    bell: deps.bell,
    logger: deps.logger,
    endpoints,
    commandKeys: () => keys.known,
    letsIn: (agent) => rules.letsIn(agent),
    noteHealth: noteHealthTo(deps.peers),
    ended: (ids) => ended.tell(ids),
  });
  const parts = { database, gateway, bell: deps.bell, ended };
  const enrollment: EnrollmentParts = {
    database,
    sweepDatabase,
    authorities,
    certificateMs: settings.certificateHours * 3_600_000,
    recoveriesPerMonth: settings.recoveriesPerMonth,
    region: settings.region,
    commandKeys: () => keys.need(),
    demandAddress: (from) => rules.demand(from),
    revoked: (agentId) => gateway.revoked(agentId),
    quarantined: (agent, why) => {
      alarm(deps.logger, agent, why);
      gateway.revoked(agent.agentId);
    },
  };
  return {
    name: 'agent-gateway',
    services,
    ledger: database as never,
    scopes: { agt: agentPlace(database) },
    register: (router) => register(router, database, parts, enrollment, endpoints),
    start: async () => {
      await keys.start();
      await rules.start();
      await gateway.start();
      const hosts = [host, ...settings.endpoints.map((endpoint) => addressOf(endpoint).host)];
      const identity = await authorities.issueServer([...new Set(hosts)]);
      server = await serveLinks({
        host,
        port,
        authority: authorities.pem,
        ...identity,
        take: (call, agent, settled) => gateway.take(call, agent, settled),
        demandAddress: (agent) => rules.demand(agent),
        renew: certificateRenewal(enrollment, deps.logger),
        syncSealingKey: sealingKeySync(enrollment),
        reportMetrics: metricReports(new MetricIntake(database)),
        checkUpdate: updateChecks(database),
      });
      deps.logger.info({ port: server.port, gatewayId: gateway.id }, 'agents may dial in');
    },
    ready: async () => {
      if (server === undefined || !gateway.ready) throw new Error('the gateway has no lease, or is leaving');
      await Promise.all([database.ping(), sweepDatabase.ping()]);
    },
    close: async () => {
      keys.close();
      rules.close();
      await gateway.close();
      server?.close();
      await Promise.all([database.close(), sweepDatabase.close()]);
    },
  } satisfies ServiceModule;
};

function register(
  router: ConnectRouter,
  database: Database<Tables>,
  parts: AgentParts,
  enrollment: EnrollmentParts,
  endpoints: () => readonly string[],
): void {
  router.service(AgentService, agentRpc(parts, enrollment));
  router.service(EnrollmentService, enrollmentRpc(enrollment, endpoints));
  router.service(RecoveryService, recoveryRpc(enrollment, endpoints));
  router.service(SealingKeyService, sealingKeyRpc(database)).service(RolloutService, rolloutRpc(database));
  router.service(OrganizationEndService, organizationEndRpc(database));
  router.service(CommandService, commandRpc(parts));
  router.service(MetricService, metricRpc(database)).service(MetricReadService, metricReadRpc(database));
}

const agentPlace =
  (database: Database<Tables>): ScopeOf =>
  async (orgId, id) =>
    (await database.tenant(orgId, (tx) => readAgentBriefs(tx, [id]))).length === 0 ? undefined : {};

/** Where agents may dial from, as the tenant service tells it. */
function addressRules({ peers, logger, bell }: ModuleDeps, changed: () => void): AddressRuleBoard {
  const board = new AddressRuleBoard(
    (since, afterOrgId) =>
      peers
        .client('tenant', AddressRuleService, { orgId: '', requestId: newId('req') })
        .listAgentAddressRules({ ...(since === undefined ? {} : { since }), afterOrgId }, { timeoutMs: 5_000 }),
    logger,
    changed,
  );
  bell.listen(bells.allowlist, () => void board.refresh().catch(() => undefined));
  return board;
}

async function commandKeysOf(peers: Peers): Promise<CommandKeySet | undefined> {
  const client = peers.client('orchestration', CommandKeyService, { orgId: '', requestId: newId('req') });
  return (await client.getCommandKeys({}, { timeoutMs: 5_000 })).keys;
}

const noteHealthTo =
  (peers: Peers): GatewayParts['noteHealth'] =>
  async (orgId, note) => {
    const about = { orgId, requestId: newId('req') };
    await peers.client('orchestration', ServerHealthService, about).noteServerHealth(note);
  };

function addressOf(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) };
}
