// Long, as it stands for every service that the program calls.
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { clone, create, type Message, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs, type Timestamp } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { AgentState, type QuarantineSchema } from '@truffle/api/agent/v1/agent';
import { AgentService } from '@truffle/api/agent/v1/agent_service';
import type { SealedOutputSchema } from '@truffle/api/agent/v1/output';
import type { SealingKeyEntrySchema } from '@truffle/api/agent/v1/sealing_key';
import { SealingKeyService } from '@truffle/api/agent/v1/sealing_key_service';
import {
  ActionKind,
  ClusterSchema,
  ClusterState,
  PlanSchema,
  PowerState,
  type Plan,
} from '@truffle/api/orchestration/v1/cluster';
import {
  ClusterService,
  ServerService,
  type ClusterSpec,
  type RevealOutputsRequest,
} from '@truffle/api/orchestration/v1/cluster_service';
import {
  OperationKind,
  OperationSchema,
  OperationState,
  StepSchema,
  StepState,
  type LogLine,
  type Operation,
  type Step,
} from '@truffle/api/orchestration/v1/operation';
import { OperationService } from '@truffle/api/orchestration/v1/operation_service';
import { ImageImportSchema, ImageService, ImportState } from '@truffle/api/orchestration/v1/image_service';
import { OrphanService } from '@truffle/api/orchestration/v1/orphan_service';
import { serveMetrics, type Measured } from './peer.metrics.ts';
import { SnapshotService } from '@truffle/api/orchestration/v1/snapshot_service';
import { TemplateService } from '@truffle/api/template/v1/template_service';
import { AccountService } from '@truffle/api/tenant/v1/account_service';
import { OrganizationService, ProjectService } from '@truffle/api/tenant/v1/tenancy_service';
import { FailureSchema } from '@truffle/api/type/v1/failure';
import { newId } from '@truffle/ids';
import { fingerprintWords, generateSealingKey, keyId, type SealingKeyPair } from '@truffle/sealing';
import { orphansOf } from './peer.orphan.ts';

export const password = 'a long password';
export const templateSource = `apiVersion: truffle.dev/v1
kind: Template
metadata: { name: web, version: 1.2.0, title: Web, summary: A web server }
parameters:
  count: { type: integer, minimum: 1, maximum: 9, default: 2 }
  password: { type: string, secret: true, minLength: 8 }
  session: { type: string, secret: true, generate: { length: 32 } }
servers:
  web: { count: "\${{ params.count }}", image: debian-12, cpu: 1, memory: 1GiB, disk: 10GiB }
`;

/** What changes in an operation. */
export interface OperationChange {
  readonly state?: OperationState;
  readonly steps?: readonly Step[];
  readonly failure?: MessageInitShape<typeof FailureSchema>;
  readonly endedAt?: Timestamp;
}

/** A control plane that speaks the contract over a real socket and does what the test says. */
export class Peer {
  readonly ids = {
    org: newId('org'),
    project: newId('prj'),
    agent: newId('agt'),
    template: newId('tpl'),
    version: newId('tpv'),
    cluster: newId('clu'),
    operation: newId('op'),
    server: newId('srv'),
  };
  readonly token = 'tfs_the-session-of-the-test';
  /** The agent's log of sealing keys. */
  keyLog: MessageInitShape<typeof SealingKeyEntrySchema>[] = [];
  /** Why the agent is quarantined. */
  quarantine: MessageInitShape<typeof QuarantineSchema> | undefined;
  /** What was asked for of agents, in order. */
  readonly decisions: Readonly<Record<string, unknown>>[] = [];
  /** What the program sent when it made a cluster. */
  readonly created: { readonly spec: ClusterSpec; readonly key: string | null }[] = [];
  /** What the program asked of the server, newest last: method, request, and the key that makes it repeatable. */
  readonly asked: (readonly [string, Message, string | null])[] = [];
  /** How the import of an image stands once it was begun. */
  imported: MessageInitShape<typeof ImageImportSchema> = { state: ImportState.SUCCEEDED };
  /** VM numbers of the site's orphans, of those that can't be removed, and of those that only an operator can go on with. */
  orphans: number[] = [];
  stuck: number[] = [];
  blocked: number[] = [];
  /** Names of the server's snapshots, newest first, and what was measured of it. */
  snapshots: string[] = [];
  metrics: Measured = {};
  /** `after_revision` and `after` of each watch that was opened. */
  readonly watchedFrom: bigint[] = [];
  readonly logsFrom: string[] = [];
  /** Status of the next calls, by method name, one each. */
  readonly failures = new Map<string, ConnectError[]>();
  sealing: SealingKeyPair;
  /** What the control plane answers who asks for sensitive outputs. */
  reveal: (asked: RevealOutputsRequest) => Promise<MessageInitShape<typeof SealedOutputSchema>[]> = () =>
    Promise.resolve([]);
  operation: Operation;
  plan: Plan = create(PlanSchema, {
    fits: true,
    actions: [{ kind: ActionKind.CREATE, resource: 'server', name: 'shop-web-0', node: 'pve1', detail: 'debian-12' }],
    totalCpu: 1,
  });
  /** What the agent found wrong on its site; undefined while it has not reported it. */
  problems: string[] | undefined;
  readonly #lines: LogLine[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #server: HttpServer;
  #changed = Promise.withResolvers<void>();

  constructor(sealing: SealingKeyPair) {
    this.sealing = sealing;
    this.operation = create(OperationSchema, {
      id: this.ids.operation,
      orgId: this.ids.org,
      projectId: this.ids.project,
      clusterId: this.ids.cluster,
      clusterName: 'shop',
      kind: OperationKind.CREATE,
      state: OperationState.RUNNING,
      revision: 1n,
      createdAt: timestampFromMs(Date.now()),
      steps: [step('web-0', StepState.RUNNING), step('web-1', StepState.PENDING)],
    });
    this.#server = createServer(connectNodeAdapter({ routes: (router) => this.#routes(router) }));
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(): Promise<Peer> {
    const peer = new Peer(await generateSealingKey());
    await new Promise<void>((resolve) => peer.#server.listen(0, '127.0.0.1', resolve));
    return peer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Changes the operation and tells its watchers. */
  advance({ state, steps, failure, endedAt }: OperationChange): void {
    const next = clone(OperationSchema, this.operation);
    next.revision++;
    if (state !== undefined) next.state = state;
    if (steps !== undefined) next.steps = [...steps];
    if (failure !== undefined) next.failure = create(FailureSchema, failure);
    if (endedAt !== undefined) next.endedAt = endedAt;
    this.operation = next;
    this.#ring();
  }

  succeed(): void {
    this.advance({
      state: OperationState.SUCCEEDED,
      endedAt: timestampFromMs(Date.now()),
      steps: [step('web-0', StepState.SUCCEEDED), step('web-1', StepState.SUCCEEDED)],
    });
  }

  log(line: LogLine): void {
    this.#lines.push(line);
    this.#ring();
  }

  /** Breaks every connection, as a network does. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #ring(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }

  #admit(context: HandlerContext): void {
    if (context.requestHeader.get('authorization') !== `Bearer ${this.token}`)
      throw new ConnectError('sign in first', Code.Unauthenticated);
    const failure = this.failures.get(context.method.name)?.shift();
    if (failure !== undefined) throw failure;
  }

  #agent() {
    const { publicKey } = this.sealing;
    return {
      id: this.ids.agent,
      orgId: this.ids.org,
      name: 'site',
      state: this.quarantine === undefined ? AgentState.ONLINE : AgentState.QUARANTINED,
      revision: 7n,
      ...(this.quarantine === undefined ? {} : { quarantine: this.quarantine }),
      sealingKey: { keyId: keyId(publicKey), publicKey, fingerprint: fingerprintWords(publicKey) },
      ...(this.problems === undefined ? {} : { inventory: { problems: this.problems, takenAt: timestampFromMs(0) } }),
    };
  }

  #cluster() {
    const { ids, operation } = this;
    const done = operation.state === OperationState.SUCCEEDED;
    return create(ClusterSchema, {
      id: ids.cluster,
      orgId: ids.org,
      projectId: ids.project,
      agentId: ids.agent,
      name: 'shop',
      templateRef: 'web@1.2.0',
      state: done ? ClusterState.READY : ClusterState.CREATING,
      operationId: done ? '' : ids.operation,
      serverCount: 2,
      readyCount: done ? 2 : 0,
      outputs: done ? { url: 'http://10.0.0.1/' } : {},
    });
  }

  #routes(router: ConnectRouter): void {
    const { ids } = this;
    router.service(AccountService, {
      signIn: (request) => {
        if (request.password !== password) throw new ConnectError('wrong address or password', Code.Unauthenticated);
        return { sessionToken: this.token, user: { email: request.email } };
      },
      whoAmI: (_, context) => (this.#admit(context), { user: { id: newId('usr'), email: 'ada@example.com' } }),
      signOut: (_, context) => (this.#admit(context), {}),
    });
    router.service(OrganizationService, {
      listOrganizations: (_, context) => (this.#admit(context), { organizations: [{ id: ids.org, name: 'acme' }] }),
    });
    router.service(ProjectService, {
      listProjects: (_, context) => (
        this.#admit(context),
        { projects: [{ id: ids.project, orgId: ids.org, name: 'default' }] }
      ),
    });
    router.service(AgentService, {
      listAgents: (_, context) => (this.#admit(context), { agents: [this.#agent()] }),
      getAgent: (_, context) => (this.#admit(context), { agent: this.#agent() }),
      createJoinToken: ({ agentName, requireApproval }, context) => {
        this.#admit(context);
        this.decisions.push({ agentName, requireApproval });
        return { token: 'tfj_token', caPin: 'aa,bb', expiresAt: timestampFromMs(0) };
      },
      releaseAgent: ({ holder, revision }, context) => {
        this.#admit(context);
        this.decisions.push({ holder, revision });
        this.quarantine = undefined;
        return { agent: this.#agent() };
      },
      approveAgent: ({ fingerprint, revision }, context) => {
        this.#admit(context);
        this.decisions.push({ fingerprint, revision });
        return { agent: this.#agent() };
      },
    });
    router.service(SealingKeyService, {
      listSealingKeys: (_, context) => (this.#admit(context), { entries: this.keyLog }),
    });
    const template = { id: ids.template, name: 'web', latestVersion: '1.2.0', latestVersionId: ids.version };
    router.service(TemplateService, {
      listTemplates: ({ name }, context) => (
        this.#admit(context),
        { templates: name === '' || name === 'web' ? [template] : [] }
      ),
      listTemplateVersions: (_, context) => (
        this.#admit(context),
        { versions: [{ id: ids.version, version: '1.2.0' }] }
      ),
      getTemplateVersion: (_, context) => (
        this.#admit(context),
        { version: { id: ids.version, templateName: 'web', version: '1.2.0', source: templateSource } }
      ),
    });
    router.service(ClusterService, {
      planCluster: (_, context) => (this.#admit(context), { plan: this.plan }),
      createCluster: ({ spec }, context) => {
        this.#admit(context);
        if (spec !== undefined) this.created.push({ spec, key: context.requestHeader.get('idempotency-key') });
        return { cluster: this.#cluster(), operation: this.operation };
      },
      getCluster: (_, context) => (this.#admit(context), { cluster: this.#cluster() }),
      listClusters: ({ name }, context) => (
        this.#admit(context),
        { clusters: name === '' || name === 'shop' ? [this.#cluster()] : [] }
      ),
      deleteCluster: (_, context) => (this.#admit(context), { operation: this.operation }),
      revealOutputs: async (asked, context) => (this.#admit(context), { outputs: await this.reveal(asked) }),
    });
    this.#serverRoutes(router);
    this.#operationRoutes(router);
  }

  #serverRoutes(router: ConnectRouter): void {
    const { ids } = this;
    const { server: id, cluster: clusterId } = ids;
    const server = { id, name: 'shop-web-0', clusterId, revision: 7n, power: PowerState.RUNNING };
    const ask = (request: Message, context: HandlerContext) => {
      this.#admit(context);
      this.asked.push([context.method.name, request, context.requestHeader.get('idempotency-key')]);
      return { operation: this.operation };
    };
    const list = (_: Message, context: HandlerContext) => (this.#admit(context), { servers: [server], server });
    router.service(ServerService, {
      listServers: list,
      listProjectServers: list,
      getServer: list,
      startServer: ask,
      stopServer: ask,
      resizeServer: ask,
      migrateServer: ask,
    });
    const image = { agentId: ids.agent, image: 'debian-13', vmid: 20_001, node: 'pve1' };
    router.service(ImageService, {
      importImage: (request, context) => (ask(request, context), { import: { ...image, state: ImportState.RUNNING } }),
      getImageImport: (_, context) => (this.#admit(context), { import: { ...image, ...this.imported } }),
    });
    router.service(OrphanService, {
      collectOrphans: (request, context) => {
        ask(request, context);
        return { orphans: orphansOf(this, request.remove) };
      },
    });
    serveMetrics(router, () => this.metrics);
    router.service(SnapshotService, {
      createSnapshot: ask,
      deleteSnapshot: ask,
      rollbackServer: ask,
      listSnapshots: (_, context) => {
        this.#admit(context);
        const made = { serverId: ids.server, operationId: ids.operation, madeAt: timestampFromMs(0) };
        return { snapshots: this.snapshots.map((name) => ({ ...made, name })) };
      },
    });
  }

  #operationRoutes(router: ConnectRouter): void {
    const isOver = (): boolean => this.operation.endedAt !== undefined;
    const wake = (context: HandlerContext): Promise<unknown> =>
      Promise.race([
        this.#changed.promise,
        new Promise((resolve) => context.signal.addEventListener('abort', resolve)),
      ]);
    // oxlint-disable-next-line typescript/no-this-alias -- generators have no arrow form
    const peer = this;
    router.service(OperationService, {
      getOperation: (_, context) => (this.#admit(context), { operation: this.operation }),
      listOperations: (_, context) => (this.#admit(context), { operations: [this.operation] }),
      listOperationLogs: ({ after }, context) => {
        this.#admit(context);
        const lines = this.#lines.filter((line) => line.cursor > after);
        return { lines, next: lines.at(-1)?.cursor ?? after };
      },
      async *watchOperation({ afterRevision }, context) {
        peer.#admit(context);
        peer.watchedFrom.push(afterRevision);
        for (let seen = afterRevision; !context.signal.aborted;) {
          if (peer.operation.revision > seen) yield { operation: peer.operation };
          seen = peer.operation.revision;
          if (isOver()) return;
          await wake(context);
        }
      },
      async *watchOperationLogs({ after }, context) {
        peer.#admit(context);
        peer.logsFrom.push(after);
        for (let seen = after; !context.signal.aborted;) {
          const lines = peer.#lines.filter((line) => line.cursor > seen);
          seen = lines.at(-1)?.cursor ?? seen;
          if (lines.length > 0) yield { lines };
          else if (isOver()) return;
          else await wake(context);
        }
      },
    });
  }
}

/** A step that makes a server. */
export const step = (serverName: string, state: StepState, detail = ''): Step =>
  create(StepSchema, { key: `server/${serverName}/ensure`, title: 'Make and boot the VM', serverName, state, detail });
