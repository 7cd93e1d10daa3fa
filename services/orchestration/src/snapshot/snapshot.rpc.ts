import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { SnapshotSchema, type Snapshot } from '@truffle/api/orchestration/v1/cluster';
import type { SnapshotService } from '@truffle/api/orchestration/v1/snapshot_service';
import { callerOf } from '@truffle/kit';
import type { ClusterDeps } from '../cluster/cluster.usecases.ts';
import { operationMessage } from '../operation/operation.codec.ts';
import { changeServer } from '../server/server.usecases.ts';
import { snapshotsOf, type SnapshotRow } from './snapshot.repo.ts';

export const snapshotRpc = (deps: ClusterDeps): ServiceImpl<typeof SnapshotService> => ({
  createSnapshot: async ({ serverId, revision, includeMemory }, context) => ({
    operation: operationMessage(
      await changeServer(deps, callerOf(context), serverId, revision, { kind: 'SNAPSHOT_SERVER', includeMemory }),
    ),
  }),

  listSnapshots: async ({ serverId }, context) => ({
    snapshots: (await deps.database.tenant(callerOf(context).orgId, (tx) => snapshotsOf(tx, serverId))).map(
      snapshotMessage,
    ),
  }),

  deleteSnapshot: async ({ serverId, revision, snapshot }, context) => ({
    operation: operationMessage(
      await changeServer(deps, callerOf(context), serverId, revision, { kind: 'DELETE_SNAPSHOT', snapshot }),
    ),
  }),

  rollbackServer: async ({ serverId, revision, snapshot }, context) => ({
    operation: operationMessage(
      await changeServer(deps, callerOf(context), serverId, revision, { kind: 'ROLLBACK_SERVER', snapshot }),
    ),
  }),
});

const snapshotMessage = (row: SnapshotRow): Snapshot =>
  create(SnapshotSchema, {
    name: row.name,
    serverId: row.server_id,
    madeAt: timestampFromDate(row.made_at),
    includeMemory: row.include_memory,
    operationId: row.operation_id,
  });
