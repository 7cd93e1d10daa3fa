import { useMutation } from '@connectrpc/connect-query';
import { ServerState, type Server } from '@truffle/api/orchestration/v1/cluster';
import { ServerService } from '@truffle/api/orchestration/v1/cluster_service';
import type { Operation } from '@truffle/api/orchestration/v1/operation';
import { SnapshotService } from '@truffle/api/orchestration/v1/snapshot_service';
import { useNavigate, useParams } from '@tanstack/react-router';

/** Whether nothing is at work on a server, so that something can begin. */
export const isIdle = ({ state }: Server): boolean =>
  state === ServerState.READY || state === ServerState.FAILED || state === ServerState.RUNNING;

/** What can be done with a server; each begins an operation and goes to its page. */
export function useServerActions(server: Server) {
  const navigate = useNavigate();
  const { org = '', project = '' } = useParams({ strict: false });
  const options = {
    onSuccess: ({ operation }: { readonly operation?: Operation }): void =>
      void navigate({
        to: '/o/$org/p/$project/operations/$operationId',
        params: { org, project, operationId: operation?.id ?? '' },
      }),
  };
  const start = useMutation(ServerService.method.startServer, options);
  const stop = useMutation(ServerService.method.stopServer, options);
  const resize = useMutation(ServerService.method.resizeServer, options);
  const migrate = useMutation(ServerService.method.migrateServer, options);
  const snapshot = useMutation(SnapshotService.method.createSnapshot, options);
  const rollback = useMutation(SnapshotService.method.rollbackServer, options);
  const drop = useMutation(SnapshotService.method.deleteSnapshot, options);
  const seen = { serverId: server.id, revision: server.revision };
  return {
    start: () => start.mutate(seen),
    stop: () => stop.mutate(seen),
    snapshot: (includeMemory: boolean) => snapshot.mutateAsync({ ...seen, includeMemory }),
    resize: (size: Resize) => resize.mutateAsync({ ...seen, ...size }),
    migrate: (to: Migration) => migrate.mutateAsync({ ...seen, ...to }),
    rollback: (name: string) => rollback.mutate({ ...seen, snapshot: name }),
    drop: (name: string) => drop.mutate({ ...seen, snapshot: name }),
    /** What the last one was refused with; those of dialogs are theirs to show. */
    error: start.error ?? stop.error ?? rollback.error ?? drop.error,
    errors: { snapshot: snapshot.error, resize: resize.error, migrate: migrate.error },
    pending: [start, stop, resize, migrate, snapshot, rollback, drop].some(({ isPending }) => isPending),
  };
}

export type ServerActions = ReturnType<typeof useServerActions>;

interface Resize {
  readonly cpu: number;
  readonly memoryBytes: bigint;
  readonly diskBytes: bigint;
  readonly allowRestart: boolean;
}

interface Migration {
  readonly targetNode: string;
  readonly withLocalDisks: boolean;
}
