import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServiceName } from '@truffle/kit';
import { openFront, testDatabase, testEngines, type Front, type TestDatabase } from '@truffle/testkit';
import { startProduct, type Product } from './product.fixture.ts';
import { everyMigration } from './services.ts';

/** One replica of the gateway: a process with a port for the services and one for agents. */
export interface GatewayReplica {
  /** Its id in the database, `gwy_…`. */
  readonly id: string;
  /** SIGKILL, and the load balancers see that it is gone. */
  kill(): Promise<void>;
  /** SIGTERM: it drains. The load balancers send nothing new from the beginning. */
  drain(): Promise<void>;
  pause(ms: number): Promise<void>;
  log(): string;
}

/** The product as it runs in a cluster: a process for each service, several of the gateway, load balancers before them. */
export interface Replicas {
  readonly database: TestDatabase;
  readonly edge: Product;
  /** What agents dial. */
  readonly agents: Front;
  /** Ends the services' connections to NATS and lets them make no new ones until the answer is called. */
  withoutNats(): () => void;
  startGateway(): Promise<GatewayReplica>;
  /** Lets nobody reach the gateways' port for agents until the answer is called. */
  partition(): () => void;
  /** Of several replicas, the one that an agent's open session is at, by the database. */
  holderOf(agentId: string): Promise<GatewayReplica | undefined>;
  /** The last words of processes that ended by themselves, which none may. */
  died(): string[];
  close(): Promise<void>;
}

const services = ['tenant', 'billing', 'template', 'orchestration'] as const satisfies readonly ServiceName[];

/** @param gateways how many replicas of the gateway start with the rest */
export async function startReplicas(gateways: number): Promise<Replicas> {
  const folder = mkdtempSync(join(tmpdir(), 'truffle-replicas-'));
  const database = await testDatabase(everyMigration);
  const fronts = new Map<ServiceName, Front>();
  for (const name of [...services, 'agent-gateway'] as const) fronts.set(name, await openFront());
  const agents = await openFront();
  const nats = await openFront();
  const natsUrl = new URL(testEngines().natsUrl);
  const natsPort = Number(natsUrl.port);
  nats.to(natsPort);
  natsUrl.host = nats.address;
  const frontOf = (name: ServiceName): Front => fronts.get(name) as Front;
  const env = {
    TRUFFLE_PEERS: [...fronts].map(([name, front]) => `${name}=http://${front.address}`).join(','),
    TRUFFLE_TRUSTED_PROXIES: '127.0.0.1,::1,::ffff:127.0.0.1',
    TRUFFLE_LOG_LEVEL: 'info',
    TRUFFLE_NATS_URL: natsUrl.href,
  };
  const all: Product[] = [];
  const running = new Map<GatewayReplica, { readonly product: Product; readonly agentPort: number }>();
  let parted = 0;
  const balance = (): void => {
    const live = [...running.values()];
    frontOf('agent-gateway').to(...live.map(({ product }) => Number(new URL(product.url).port)));
    agents.to(...(parted > 0 ? [] : live.map(({ agentPort }) => agentPort)));
  };

  const startGateway = async (): Promise<GatewayReplica> => {
    const product = await startProduct(
      database,
      {
        ...env,
        TRUFFLE_AGENT_LISTEN: '127.0.0.1:0',
        TRUFFLE_AGENT_ENDPOINTS: agents.address,
        TRUFFLE_AGENT_CA_DIR: join(folder, 'ca'),
      },
      'agent-gateway',
    );
    all.push(product);
    const [, agentPort = '', id = ''] = /"port":(\d+),"gatewayId":"(gwy_\w+)"/.exec(product.log()) ?? [];
    const leave = (how: 'kill' | 'close') => async (): Promise<void> => {
      running.delete(replica);
      balance();
      await product[how]();
    };
    const replica: GatewayReplica = {
      id,
      kill: leave('kill'),
      drain: leave('close'),
      pause: (ms) => product.pause(ms),
      log: () => product.log(),
    };
    running.set(replica, { product, agentPort: Number(agentPort) });
    balance();
    return replica;
  };

  const started = await Promise.all(
    services.map(async (name) => [name, await startProduct(database, env, name)] as const),
  );
  for (const [name, product] of started) frontOf(name).to(Number(new URL(product.url).port));
  for (let i = 0; i < gateways; i++) await startGateway();
  const edge = await startProduct(database, env, 'edge');
  all.push(edge, ...started.map(([, product]) => product));
  return {
    database,
    edge,
    agents,
    startGateway,
    withoutNats: () => {
      nats.to();
      nats.cut();
      return () => nats.to(natsPort);
    },
    partition: () => {
      parted++;
      balance();
      return () => {
        parted--;
        balance();
      };
    },
    holderOf: async (agentId) => {
      const { rows } = await database.admin.query<{ gateway_id: string }>(
        'select gateway_id from agent_gateway.agent_session where agent_id = $1 and open',
        [agentId],
      );
      return [...running.keys()].find((replica) => replica.id === rows[0]?.gateway_id);
    },
    died: () => all.flatMap((product) => product.died() ?? []),
    close: async () => {
      await Promise.all([edge.close(), ...started.map(([, product]) => product.close())]);
      await Promise.all([...running.keys()].map((replica) => replica.drain()));
      await Promise.all([...fronts.values(), agents, nats].map((front) => front.close()));
      await database.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
