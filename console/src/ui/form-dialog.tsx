import { Button, Dialog, Flex } from '@radix-ui/themes';
import { useState, type ReactNode } from 'react';
import { texts } from '../texts/texts.ts';
import { Notice } from './notice.tsx';

interface FormDialogProps {
  readonly title: string;
  readonly hint?: string;
  /** The button that opens it. */
  readonly trigger: ReactNode;
  /** What the button that sends says. */
  readonly action: string;
  readonly pending: boolean;
  readonly error: Error | null;
  /** Sends; resolves when it is done, and then the dialog closes unless there is a `result`. */
  readonly onSend: () => Promise<unknown>;
  /** Makes the fields as they are at first: called when it opens. */
  readonly onOpen: () => void;
  /** What is shown in place of the fields once it was sent, such as a secret. */
  readonly result?: ReactNode;
  readonly wide?: boolean;
  readonly children: ReactNode;
}

/** Fields in a dialog, and sending them. */
export function FormDialog(props: FormDialogProps) {
  const { title, hint, trigger, action, pending, error, onSend, onOpen, result, wide = false, children } = props;
  const [open, setOpen] = useState(false);
  const send = async (): Promise<void> => {
    try {
      await onSend();
    } catch {
      // It is in `error`, and the fields stay.
      return;
    }
    if (!('result' in props)) setOpen(false);
  };
  return (
    <Dialog.Root
      open={open}
      onOpenChange={(next) => {
        if (next) onOpen();
        setOpen(next);
      }}
    >
      <Dialog.Trigger>{trigger}</Dialog.Trigger>
      <Dialog.Content
        maxWidth={wide ? '920px' : '520px'}
        {...(hint === undefined ? { 'aria-describedby': undefined } : {})}
      >
        <Dialog.Title>{title}</Dialog.Title>
        {hint !== undefined && (
          <Dialog.Description size="2" mb="4" color="gray">
            {hint}
          </Dialog.Description>
        )}
        {error !== null && <Notice error={error} />}
        {result ?? (
          <form
            onSubmit={(event) => {
              event.preventDefault();
              void send();
            }}
          >
            <Flex direction="column" gap="3">
              {children}
              <Flex gap="3" justify="end" mt="2">
                <Dialog.Close>
                  <Button type="button" variant="soft" color="gray">
                    {texts.confirm.cancel}
                  </Button>
                </Dialog.Close>
                <Button type="submit" loading={pending}>
                  {action}
                </Button>
              </Flex>
            </Flex>
          </form>
        )}
        {result !== undefined && result !== null && (
          <Flex justify="end" mt="4">
            <Dialog.Close>
              <Button>{texts.confirm.done}</Button>
            </Dialog.Close>
          </Flex>
        )}
      </Dialog.Content>
    </Dialog.Root>
  );
}
