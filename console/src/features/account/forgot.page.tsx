import { useMutation } from '@connectrpc/connect-query';
import { AddressService } from '@truffle/api/tenant/v1/address_service';
import { Button, Text } from '@radix-ui/themes';
import { Link } from '@tanstack/react-router';
import { texts } from '../../texts/texts.ts';
import { Field } from '../../ui/field.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Entrance } from './entrance.tsx';

const text = texts.account;

/** Asks for a link to choose a new password with. The answer is the same whether there is such an account. */
export default function ForgotPage() {
  const ask = useMutation(AddressService.method.requestPasswordReset);
  return (
    <Entrance title={text.forgotTitle} onSubmit={(value) => ask.mutate({ email: value('email') })}>
      {ask.error !== null && <Notice error={ask.error} />}
      {ask.isSuccess ? (
        <Text role="status">{text.forgotSent}</Text>
      ) : (
        <>
          <Field label={text.email} name="email" type="email" autoComplete="username" required autoFocus />
          <Button loading={ask.isPending} type="submit">
            {text.forgotSend}
          </Button>
        </>
      )}
      <Text size="2">
        <Link to="/sign-in">{text.signIn}</Link>
      </Text>
    </Entrance>
  );
}
