import { useMutation } from '@connectrpc/connect-query';
import { FactorService } from '@truffle/api/tenant/v1/factor_service';
import { Button, Dialog, Flex } from '@radix-ui/themes';
import { useState } from 'react';
import { texts } from '../../texts/texts.ts';
import { Field } from '../../ui/field.tsx';
import { Notice } from '../../ui/notice.tsx';
import { valueOf } from './entrance.tsx';
import { hasPasskeys, makePasskey } from './passkey.ts';

const text = texts.account.factors;

interface AddProps {
  /** @param codes recovery codes, which come with the first factor */
  readonly onAdded: (codes: readonly string[]) => void;
}

/** Adds a passkey of this device, or of one beside it. Nothing where the browser knows none. */
export function AddPasskey({ onAdded }: AddProps) {
  const [open, setOpen] = useState(false);
  const [failed, setFailed] = useState<Error | null>(null);
  const start = useMutation(FactorService.method.startPasskey);
  const confirm = useMutation(FactorService.method.confirmPasskey);
  if (!hasPasskeys()) return null;
  const add = async (name: string): Promise<void> => {
    setFailed(null);
    try {
      const { challenge, options } = await start.mutateAsync({ name });
      const { recoveryCodes } = await confirm.mutateAsync({ challenge, passkey: await makePasskey(options ?? {}) });
      setOpen(false);
      onAdded(recoveryCodes);
    } catch (cause) {
      setFailed(cause instanceof Error ? cause : new Error(String(cause)));
    }
  };
  return (
    <Dialog.Root
      open={open}
      onOpenChange={(next) => {
        setOpen(next);
        setFailed(null);
      }}
    >
      <Dialog.Trigger>
        <Button variant="soft">{text.addPasskey}</Button>
      </Dialog.Trigger>
      <Dialog.Content maxWidth="420px">
        <Dialog.Title>{text.addPasskey}</Dialog.Title>
        <Dialog.Description size="2" mb="4">
          {text.passkeyHint}
        </Dialog.Description>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void add(valueOf(event.currentTarget, 'name'));
          }}
        >
          <Flex direction="column" gap="4">
            {failed !== null && <Notice error={failed} />}
            <Field label={text.name} name="name" defaultValue={text.passkeyName} maxLength={60} required />
            <Button type="submit" loading={start.isPending || confirm.isPending}>
              {text.goOn}
            </Button>
          </Flex>
        </form>
      </Dialog.Content>
    </Dialog.Root>
  );
}
