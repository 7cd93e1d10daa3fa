import { useMutation } from '@connectrpc/connect-query';
import { AddressService } from '@truffle/api/tenant/v1/address_service';
import { Button, Dialog, Flex, Text } from '@radix-ui/themes';
import { texts } from '../../texts/texts.ts';
import { Field } from '../../ui/field.tsx';
import { Notice } from '../../ui/notice.tsx';
import { valueOf } from './entrance.tsx';

const text = texts.account;

/** Moves the account to another address, and verifies the one it has. */
export function Address({ email, verified }: { readonly email: string; readonly verified: boolean }) {
  const change = useMutation(AddressService.method.changeAddress);
  const verify = useMutation(AddressService.method.resendVerification);
  return (
    <Flex gap="2" wrap="wrap" align="center">
      <Dialog.Root onOpenChange={() => change.reset()}>
        <Dialog.Trigger>
          <Button variant="soft">{text.changeAddress}</Button>
        </Dialog.Trigger>
        <Dialog.Content maxWidth="420px">
          <Dialog.Title>{text.changeAddress}</Dialog.Title>
          <Dialog.Description size="2" mb="4">
            {change.isSuccess ? text.changeAddressSent : text.changeAddressHint}
          </Dialog.Description>
          {change.error !== null && <Notice error={change.error} />}
          {!change.isSuccess && (
            <form
              onSubmit={(event) => {
                event.preventDefault();
                change.mutate({ email: valueOf(event.currentTarget, 'email') });
              }}
            >
              <Flex direction="column" gap="3">
                <Field label={text.newAddress} name="email" type="email" autoComplete="email" required />
                <Button type="submit" loading={change.isPending}>
                  {text.changeAddress}
                </Button>
              </Flex>
            </form>
          )}
        </Dialog.Content>
      </Dialog.Root>
      {!verified && (
        <Button
          variant="soft"
          loading={verify.isPending}
          disabled={verify.isSuccess}
          onClick={() => verify.mutate({ email })}
        >
          {verify.isSuccess ? text.mailSentAgain : text.verifyNow}
        </Button>
      )}
      {verify.error !== null && <Text color="red">{verify.error.message}</Text>}
    </Flex>
  );
}
