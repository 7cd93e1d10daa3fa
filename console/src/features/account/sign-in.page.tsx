import { useMutation } from '@connectrpc/connect-query';
import { AccountService } from '@truffle/api/tenant/v1/account_service';
import { Button, Text } from '@radix-ui/themes';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useQueryClient } from '@tanstack/react-query';
import { texts } from '../../texts/texts.ts';
import { Field } from '../../ui/field.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Entrance } from './entrance.tsx';

export default function SignInPage() {
  const { next } = useSearch({ from: '/sign-in' });
  const navigate = useNavigate();
  const client = useQueryClient();
  const signIn = useMutation(AccountService.method.signIn, {
    onSuccess: () => {
      client.clear();
      void navigate({ to: next ?? '/' });
    },
  });
  return (
    <Entrance
      title={texts.account.signIn}
      onSubmit={(value) => signIn.mutate({ email: value('email'), password: value('password') })}
    >
      {signIn.error !== null && <Notice error={signIn.error} />}
      <Field label={texts.account.email} name="email" type="email" autoComplete="username" required autoFocus />
      <Field label={texts.account.password} name="password" type="password" autoComplete="current-password" required />
      <Button loading={signIn.isPending} type="submit">
        {texts.account.signIn}
      </Button>
      <Text size="2">
        <Link to="/sso">{texts.account.byProvider}</Link>
      </Text>
      <Text size="2">
        {texts.account.noAccount} <Link to="/sign-up">{texts.account.signUp}</Link>
      </Text>
    </Entrance>
  );
}
