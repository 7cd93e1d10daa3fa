import { useMutation } from '@connectrpc/connect-query';
import { FactorService } from '@truffle/api/tenant/v1/factor_service';
import { Button, Code, Dialog, Flex, Spinner, Text } from '@radix-ui/themes';
import { lazy, Suspense, useState } from 'react';
import { texts } from '../../texts/texts.ts';
import { Field } from '../../ui/field.tsx';
import { Notice } from '../../ui/notice.tsx';
import { valueOf } from './entrance.tsx';

const text = texts.account.factors;
const QRCode = lazy(async () => ({ default: (await import('qrcode.react')).QRCodeSVG }));

interface AddProps {
  /** @param codes recovery codes, which come with the first factor */
  readonly onAdded: (codes: readonly string[]) => void;
}

/** Adds an authenticator app: its seed as a picture and as text, then its first code. */
export function AddApp({ onAdded }: AddProps) {
  const [open, setOpen] = useState(false);
  const start = useMutation(FactorService.method.startTotp);
  const confirm = useMutation(FactorService.method.confirmTotp, {
    onSuccess: ({ recoveryCodes }) => {
      setOpen(false);
      onAdded(recoveryCodes);
    },
  });
  const begun = start.data;
  const error = confirm.error ?? start.error;
  return (
    <Dialog.Root
      open={open}
      onOpenChange={(next) => {
        setOpen(next);
        start.reset();
        confirm.reset();
      }}
    >
      <Dialog.Trigger>
        <Button variant="soft">{text.addApp}</Button>
      </Dialog.Trigger>
      <Dialog.Content maxWidth="420px">
        <Dialog.Title>{text.addApp}</Dialog.Title>
        <Dialog.Description size="2" mb="4">
          {begun === undefined ? text.appHint : text.scan}
        </Dialog.Description>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            const form = event.currentTarget;
            if (begun === undefined) start.mutate({ name: valueOf(form, 'name') });
            else confirm.mutate({ factorId: begun.factorId, code: valueOf(form, 'code') });
          }}
        >
          <Flex direction="column" gap="4">
            {error !== null && <Notice error={error} />}
            {begun === undefined ? (
              <Field key="name" label={text.name} name="name" defaultValue={text.appName} maxLength={60} required />
            ) : (
              <>
                <Flex justify="center" p="3" style={{ background: 'white', borderRadius: 8 }}>
                  <Suspense fallback={<Spinner />}>
                    <QRCode value={begun.uri} size={192} title={text.qr} />
                  </Suspense>
                </Flex>
                <Text size="1" color="gray">
                  {text.byHand} <Code className="command">{begun.secret}</Code>
                </Text>
                <Field
                  key="code"
                  label={text.code}
                  name="code"
                  inputMode="numeric"
                  pattern="[0-9]{6}"
                  maxLength={6}
                  autoComplete="one-time-code"
                  required
                  autoFocus
                />
              </>
            )}
            <Button type="submit" loading={start.isPending || confirm.isPending}>
              {begun === undefined ? text.goOn : text.confirm}
            </Button>
          </Flex>
        </form>
      </Dialog.Content>
    </Dialog.Root>
  );
}
