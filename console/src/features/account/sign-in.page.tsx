import { ConnectError } from '@connectrpc/connect';
import { useMutation } from '@connectrpc/connect-query';
import { AccountService } from '@truffle/api/tenant/v1/account_service';
import { ProofChallengeSchema, type ProofChallenge } from '@truffle/api/tenant/v1/session';
import { SessionService } from '@truffle/api/tenant/v1/session_service';
import { Button, Text } from '@radix-ui/themes';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useQueryClient } from '@tanstack/react-query';
import { KeyRound } from 'lucide-react';
import { useState } from 'react';
import { texts } from '../../texts/texts.ts';
import { Field } from '../../ui/field.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Entrance, EntranceFrame } from './entrance.tsx';
import { hasPasskeys } from './passkey.ts';
import { ProofForm } from './proof-form.tsx';

const text = texts.account;

/** By password, with a second factor where one is due; by a passkey alone; or by an organization's provider. */
export default function SignInPage() {
  const { next } = useSearch({ from: '/sign-in' });
  const navigate = useNavigate();
  const client = useQueryClient();
  const [challenge, setChallenge] = useState<ProofChallenge>();
  const enter = (): void => {
    client.clear();
    void navigate({ to: next ?? '/' });
  };
  const signIn = useMutation(AccountService.method.signIn, {
    onSuccess: enter,
    onError: (error) => setChallenge(ConnectError.from(error).findDetails(ProofChallengeSchema)[0]),
  });
  const begin = useMutation(SessionService.method.startPasskeySignIn, {
    onSuccess: (answer) => setChallenge(answer.challenge),
  });
  const complete = useMutation(SessionService.method.completeSignIn, { onSuccess: enter });
  if (challenge !== undefined)
    return (
      <EntranceFrame title={text.signIn}>
        <ProofForm
          challenge={challenge}
          pending={complete.isPending}
          error={complete.error}
          onProof={(proof) => complete.mutate({ proof })}
        />
        <Button
          variant="ghost"
          color="gray"
          onClick={() => {
            setChallenge(undefined);
            signIn.reset();
            complete.reset();
          }}
        >
          {text.anew}
        </Button>
      </EntranceFrame>
    );
  const error = signIn.error ?? begin.error;
  return (
    <Entrance
      title={text.signIn}
      onSubmit={(value) => signIn.mutate({ email: value('email'), password: value('password') })}
    >
      {error !== null && <Notice error={error} />}
      <Field label={text.email} name="email" type="email" autoComplete="username" required autoFocus />
      <Field label={text.password} name="password" type="password" autoComplete="current-password" required />
      <Button loading={signIn.isPending} type="submit">
        {text.signIn}
      </Button>
      {hasPasskeys() && (
        <Button type="button" variant="soft" loading={begin.isPending} onClick={() => begin.mutate({})}>
          <KeyRound size={16} aria-hidden /> {text.byPasskey}
        </Button>
      )}
      <Text size="2">
        <Link to="/forgot">{text.forgot}</Link>
      </Text>
      <Text size="2">
        <Link to="/sso">{text.byProvider}</Link>
      </Text>
      <Text size="2">
        {text.noAccount} <Link to="/sign-up">{text.signUp}</Link>
      </Text>
    </Entrance>
  );
}
