import { ConnectError } from '@connectrpc/connect';
import { useMutation } from '@connectrpc/connect-query';
import { AccountService } from '@truffle/api/tenant/v1/account_service';
import { Button, Text } from '@radix-ui/themes';
import { Link, useNavigate } from '@tanstack/react-router';
import { useQueryClient } from '@tanstack/react-query';
import { texts } from '../../texts/texts.ts';
import { findErrorInfo } from '../../ui/error-info.ts';
import { Field } from '../../ui/field.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Entrance } from './entrance.tsx';

export default function SignUpPage() {
  const navigate = useNavigate();
  const client = useQueryClient();
  const signUp = useMutation(AccountService.method.signUp, {
    onSuccess: ({ organization }) => {
      client.clear();
      void navigate({ to: '/o/$org', params: { org: organization?.name ?? '' } });
    },
  });
  const wrong = signUp.error === null ? [] : findErrorInfo(ConnectError.from(signUp.error)).fields;
  const problemOf = (name: string): string | undefined => wrong.find(({ field }) => field === name)?.description;
  const text = texts.account;
  return (
    <Entrance
      title={text.signUp}
      onSubmit={(value) => {
        signUp.mutate({
          name: value('name'),
          email: value('email'),
          password: value('password'),
          orgName: value('org_name'),
        });
      }}
    >
      {signUp.error !== null && wrong.length === 0 && <Notice error={signUp.error} />}
      <Field label={text.name} name="name" autoComplete="name" autoFocus />
      <Field
        label={text.email}
        name="email"
        type="email"
        autoComplete="username"
        required
        problem={problemOf('email')}
      />
      <Field
        label={text.password}
        name="password"
        type="password"
        autoComplete="new-password"
        required
        minLength={10}
        hint={text.passwordHint}
        problem={problemOf('password')}
      />
      <Field label={text.orgName} name="org_name" required hint={text.orgNameHint} problem={problemOf('org_name')} />
      <Button loading={signUp.isPending} type="submit">
        {text.signUp}
      </Button>
      <Text size="2">
        {text.haveAccount} <Link to="/sign-in">{text.signIn}</Link>
      </Text>
    </Entrance>
  );
}
