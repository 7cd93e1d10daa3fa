import { useMutation, useQuery } from '@connectrpc/connect-query';
import { SessionService } from '@truffle/api/tenant/v1/session_service';
import { Dialog, Flex, Spinner } from '@radix-ui/themes';
import { plainTransport } from '../../app/transport.ts';
import { texts } from '../../texts/texts.ts';
import { Notice } from '../../ui/notice.tsx';
import { ProofForm } from './proof-form.tsx';

const text = texts.account.proof;

interface StepUpDialogProps {
  readonly onGiven: () => void;
  readonly onRefused: () => void;
}

/** Asks who is there before something dangerous is done. */
export default function StepUpDialog({ onGiven, onRefused }: StepUpDialogProps) {
  // What proves must not itself wait for a proof.
  const start = useQuery(SessionService.method.startStepUp, {}, { transport: plainTransport, gcTime: 0, retry: false });
  const prove = useMutation(SessionService.method.stepUp, {
    transport: plainTransport,
    onSuccess: onGiven,
    // A challenge is good once.
    onError: () => void start.refetch(),
  });
  const challenge = start.data?.challenge;
  return (
    <Dialog.Root open onOpenChange={(open) => !open && onRefused()}>
      <Dialog.Content maxWidth="400px">
        <Dialog.Title>{text.title}</Dialog.Title>
        <Dialog.Description size="2" mb="4">
          {text.why}
        </Dialog.Description>
        {start.error !== null && <Notice error={start.error} />}
        {challenge === undefined ? (
          start.error === null && (
            <Flex justify="center">
              <Spinner />
            </Flex>
          )
        ) : (
          <ProofForm
            challenge={challenge}
            pending={prove.isPending}
            error={prove.error}
            onProof={(proof) => prove.mutate({ proof })}
          />
        )}
      </Dialog.Content>
    </Dialog.Root>
  );
}
