import type { ServiceImpl } from '@connectrpc/connect';
import type { OperationService } from '@truffle/api/orchestration/v1/operation_service';
import { callerOf, orderedPageOf, scopeOf, viewOf } from '@truffle/kit';
import { operationMessage } from './operation.codec.ts';
import { readLogs, watchLogs } from './operation.logs.ts';
import { listOperations, operationOrdering } from './operation.repo.ts';
import { cancelOperation, retryOperation, undoOperation, type OperationDeps } from './operation.usecases.ts';
import { readOperation, watchOperation } from './operation.watch.ts';

export const operationRpc = (deps: OperationDeps): ServiceImpl<typeof OperationService> => ({
  getOperation: async (request, context) => ({
    operation: await readOperation(deps, callerOf(context), request.operationId),
  }),

  listOperations: async (request, context) => {
    const page = orderedPageOf(context, request, operationOrdering);
    const caller = callerOf(context);
    const seen = viewOf(caller.bindings, 'operation.list', scopeOf(caller), Date.now());
    const rows = await deps.database.tenant(caller.orgId, (tx) => listOperations(tx, { ...request, seen }, page));
    const cut = page.cut(rows);
    return { operations: cut.rows.map((row) => operationMessage(row)), page: { next: cut.next } };
  },

  async *watchOperation(request, context) {
    for await (const operation of watchOperation(
      deps,
      callerOf(context),
      request.operationId,
      request.afterRevision,
      context.signal,
    ))
      yield operation === undefined ? {} : { operation };
  },

  cancelOperation: async (request, context) => ({
    operation: operationMessage(await cancelOperation(deps, callerOf(context), request.operationId)),
  }),

  retryOperation: async (request, context) => ({
    operation: operationMessage(await retryOperation(deps, callerOf(context), request.operationId)),
  }),

  undoOperation: async (request, context) => ({
    operation: operationMessage(await undoOperation(deps, callerOf(context), request.operationId)),
  }),

  listOperationLogs: async (request, context) =>
    readLogs(deps, callerOf(context), request.operationId, request.after, request.limit || undefined),

  async *watchOperationLogs(request, context) {
    for await (const lines of watchLogs(deps, callerOf(context), request.operationId, request.after, context.signal))
      yield { lines };
  },
});
