import { ClusterService, ServerService } from '@truffle/api/orchestration/v1/cluster_service';
import { CommandKeyService } from '@truffle/api/orchestration/v1/command_key_service';
import { ErasureService } from '@truffle/api/orchestration/v1/erasure_service';
import { ImageService } from '@truffle/api/orchestration/v1/image_service';
import { OperationService } from '@truffle/api/orchestration/v1/operation_service';
import { OrphanService } from '@truffle/api/orchestration/v1/orphan_service';
import { ProjectUseService } from '@truffle/api/orchestration/v1/project_use_service';
import { ServerHealthService } from '@truffle/api/orchestration/v1/server_health_service';
import { ServerMetricService } from '@truffle/api/orchestration/v1/server_metric_service';
import { SnapshotService } from '@truffle/api/orchestration/v1/snapshot_service';
import { readSettings } from '@truffle/config';
import { IdempotencyStore, readHostFile, type MakeModule, type ScopeOf } from '@truffle/kit';
import { OutgoingClient } from '@truffle/outgoing';
import { TemplateSandbox } from '@truffle/template-language';
import { clusterRpc, projectUseRpc } from './cluster/cluster.rpc.ts';
import { findPlace } from './cluster/cluster.repo.ts';
import type { Tables } from './cluster/cluster.table.ts';
import { CommandSigner } from './command-key/command-key.ts';
import { commandKeyRpc } from './command-key/command-key.rpc.ts';
import { commandKeyFolder, commandKeySettings } from './command-key/command-key.settings.ts';
import { erasureRpc } from './erasure/erasure.rpc.ts';
import { imageRpc } from './image/image.rpc.ts';
import { imageSettings } from './image/image.settings.ts';
import { operationRpc } from './operation/operation.rpc.ts';
import { orphanRpc } from './orphan/orphan.rpc.ts';
import { agentScopeIn } from './orphan/orphan.usecases.ts';
import { serverHealthRpc } from './server/server.health.ts';
import { serverMetricRpc } from './server/server.metrics.ts';
import { serverRpc } from './server/server.rpc.ts';
import { snapshotRpc } from './snapshot/snapshot.rpc.ts';
import { createActivities } from './workflow/activities.ts';
import { WorkflowEngine } from './workflow/engine.ts';
import { taskQueueOf } from './workflow/names.ts';

/** Clusters, servers, plans and operations, and the workflows that carry them. */
export const makeOrchestrationModule: MakeModule = async ({ settings, peers, bell, logger, ...deps }) => {
  const database = deps.database<Tables>('svc_orchestration', 20);
  const sweepDatabase = deps.database<Tables>('svc_orchestration_sweep', 1);
  const sandbox = new TemplateSandbox();
  const { folder } = readSettings(commandKeySettings, deps.env, readHostFile);
  const { outgoingAllow } = readSettings(imageSettings, deps.env, readHostFile);
  const outgoing = new OutgoingClient({ allow: outgoingAllow });
  const signer = CommandSigner.open(commandKeyFolder(folder, settings.serviceKeys));
  const engine = new WorkflowEngine({
    address: settings.temporalAddress,
    namespace: settings.temporalNamespace,
    taskQueue: taskQueueOf(settings.databaseUrl),
    activities: createActivities({ database, peers, bell, sandbox, signer }),
    sweepDatabase,
    bell,
    logger,
  });
  const parts = { database, peers, bell, sandbox, start: engine.begin };
  const placeIn: ScopeOf = (orgId, id) => database.tenant(orgId, (tx) => findPlace(tx, id));
  return {
    name: 'orchestration',
    services: [
      ClusterService,
      ServerService,
      SnapshotService,
      OrphanService,
      ImageService,
      OperationService,
      ProjectUseService,
      CommandKeyService,
      ServerHealthService,
      ServerMetricService,
      ErasureService,
    ],
    scopes: {
      clu: placeIn,
      srv: placeIn,
      op: placeIn,
      agt: agentScopeIn(peers),
    },
    ledger: database as never,
    idempotency: new IdempotencyStore(database as never, 'orchestration'),
    register: (router) => {
      router.service(ClusterService, clusterRpc({ ...parts, signer }));
      router.service(ServerService, serverRpc(parts));
      router.service(SnapshotService, snapshotRpc(parts));
      router.service(ImageService, imageRpc({ database, peers, outgoing, start: engine.beginImport }));
      router.service(OrphanService, orphanRpc({ database, peers, signer }));
      router.service(OperationService, operationRpc(parts));
      router.service(ProjectUseService, projectUseRpc(parts));
      router.service(CommandKeyService, commandKeyRpc(signer));
      router.service(ServerHealthService, serverHealthRpc(database));
      router.service(ErasureService, erasureRpc(sweepDatabase));
      router.service(ServerMetricService, serverMetricRpc({ database, peers }));
    },
    start: () => engine.start(),
    ready: async () => {
      await Promise.all([database.ping(), engine.ready()]);
    },
    close: async () => {
      await engine.close();
      await sandbox.close();
      await Promise.all([database.close(), sweepDatabase.close()]);
    },
  };
};
