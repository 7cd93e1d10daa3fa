import { readSettings } from '@truffle/config';
import { AgentService, EnrollmentService } from '@truffle/api/agent/v1/agent_service';
import { AgentCertificateService } from '@truffle/api/agent/v1/certificate_service';
import { CommandService } from '@truffle/api/agent/v1/command_service';
import { AgentLinkService } from '@truffle/api/agent/v1/link';
import { CommandKeyService } from '@truffle/api/orchestration/v1/command_key_service';
import { ServerHealthService } from '@truffle/api/orchestration/v1/server_health_service';
import { newId } from '@truffle/ids';
import { RecoveryService } from '@truffle/api/agent/v1/recovery_service';
import { SealingKeyService } from '@truffle/api/agent/v1/sealing_key_service';
import { readHostFile, type MakeModule, type ServiceModule } from '@truffle/kit';
import { agentRpc, enrollmentRpc } from './agent/agent.rpc.ts';
import { readAgentBriefs } from './agent/agent.repo.ts';
import { CommandKeyBoard } from './agent/command-key-board.ts';
import type { EnrollmentParts } from './agent/enrollment.usecases.ts';
import { certificateRenewal } from './agent/certificate.rpc.ts';
import { recoveryRpc } from './agent/recovery.rpc.ts';
import { Authorities } from './authority/authorities.ts';
import { commandRpc } from './command/command.rpc.ts';
import { EndedCommands } from './command/ended-commands.ts';
import { gatewaySettings } from './gateway.settings.ts';
import { Gateway } from './gateway/gateway.ts';
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
  const keys = new CommandKeyBoard(async () => {
    const about = { orgId: '', requestId: newId('req') };
    return (await deps.peers.client('orchestration', CommandKeyService, about).getCommandKeys({}, { timeoutMs: 5_000 }))
      .keys;
  }, deps.logger);
  const gateway = new Gateway({
    database,
    sweepDatabase,
    bell: deps.bell,
    logger: deps.logger,
    endpoints,
    commandKeys: () => keys.known,
    noteHealth: async (orgId, note) => {
      const about = { orgId, requestId: newId('req') };
      await deps.peers.client('orchestration', ServerHealthService, about).noteServerHealth(note);
    },
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
    revoked: (agentId) => gateway.revoked(agentId),
  };
  return {
    name: 'agent-gateway',
    services,
    scopes: {
      agt: async (orgId, id) =>
        (await database.tenant(orgId, (tx) => readAgentBriefs(tx, [id]))).length === 0 ? undefined : {},
    },
    register: (router) => {
      router.service(AgentService, agentRpc(parts, enrollment));
      router.service(EnrollmentService, enrollmentRpc(enrollment, endpoints));
      router.service(RecoveryService, recoveryRpc(enrollment, endpoints));
      router.service(SealingKeyService, sealingKeyRpc(database));
      router.service(CommandService, commandRpc(parts));
    },
    start: async () => {
      await keys.start();
      await gateway.start();
      const hosts = [host, ...settings.endpoints.map((endpoint) => addressOf(endpoint).host)];
      const identity = await authorities.issueServer([...new Set(hosts)]);
      server = await serveLinks({
        host,
        port,
        authority: authorities.pem,
        ...identity,
        take: (call, agent, settled) => gateway.take(call, agent, settled),
        renew: certificateRenewal(enrollment, deps.logger),
        syncSealingKey: sealingKeySync(database),
      });
      deps.logger.info({ port: server.port, gatewayId: gateway.id }, 'agents may dial in');
    },
    ready: async () => {
      if (server === undefined || !gateway.ready) throw new Error('the gateway has no lease, or is leaving');
      await Promise.all([database.ping(), sweepDatabase.ping()]);
    },
    close: async () => {
      keys.close();
      await gateway.close();
      server?.close();
      await Promise.all([database.close(), sweepDatabase.close()]);
    },
  } satisfies ServiceModule;
};

function addressOf(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) };
}
