import { useMutation } from '@connectrpc/connect-query';
import { OperationState, type Operation } from '@truffle/api/orchestration/v1/operation';
import { OperationService } from '@truffle/api/orchestration/v1/operation_service';
import { useNavigate, useParams } from '@tanstack/react-router';
import { useMay } from '../../app/may.ts';
import { texts } from '../../texts/texts.ts';
import { Action } from '../../ui/action.tsx';
import { Notice } from '../../ui/notice.tsx';

const text = texts.operation;

/** What can be done about an operation as it stands. */
export function OperationActions({ operation }: { readonly operation: Operation }) {
  const navigate = useNavigate();
  const { org = '', project = '' } = useParams({ strict: false });
  const go = (next: Operation | undefined): void =>
    void navigate({
      to: '/o/$org/p/$project/operations/$operationId',
      params: { org, project, operationId: next?.id ?? '' },
    });
  const cancel = useMutation(OperationService.method.cancelOperation);
  const retry = useMutation(OperationService.method.retryOperation, { onSuccess: ({ operation: next }) => go(next) });
  const undo = useMutation(OperationService.method.undoOperation, { onSuccess: ({ operation: next }) => go(next) });
  const operationId = operation.id;
  const mayCancel = useMay('operation.cancel', operationId);
  const mayRetry = useMay('operation.retry', operationId);
  const mayUndo = useMay('operation.undo', operationId);
  const running = operation.endedAt === undefined;
  const failed = operation.state === OperationState.FAILED || operation.state === OperationState.CANCELLED;
  const error = cancel.error ?? retry.error ?? undo.error;
  return (
    <>
      {running && (
        <Action
          may={mayCancel}
          variant="soft"
          color="amber"
          disabled={operation.cancelRequested}
          loading={cancel.isPending}
          onClick={() => cancel.mutate({ operationId })}
        >
          {operation.cancelRequested ? text.cancelling : text.cancel}
        </Action>
      )}
      {failed && (
        <>
          <Action may={mayRetry} loading={retry.isPending} onClick={() => retry.mutate({ operationId })}>
            {text.retry}
          </Action>
          <Action
            may={mayUndo}
            variant="soft"
            color="red"
            loading={undo.isPending}
            onClick={() => undo.mutate({ operationId })}
          >
            {text.undo}
          </Action>
        </>
      )}
      {error !== null && <Notice error={error} />}
    </>
  );
}
