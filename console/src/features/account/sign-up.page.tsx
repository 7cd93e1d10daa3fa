import { ConnectError } from '@connectrpc/connect';
import { useMutation } from '@connectrpc/connect-query';
import { AccountService } from '@truffle/api/tenant/v1/account_service';
import { AddressService } from '@truffle/api/tenant/v1/address_service';
import { Button, Text } from '@radix-ui/themes';
import { Link, useNavigate } from '@tanstack/react-router';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { texts } from '../../texts/texts.ts';
import { findErrorInfo } from '../../ui/error-info.ts';
import { Field } from '../../ui/field.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Entrance, EntranceFrame } from './entrance.tsx';
import { keptInvitation } from './mail-token.ts';

const text = texts.account;

export default function SignUpPage() {
  const navigate = useNavigate();
  const client = useQueryClient();
  const [invitationToken] = useState(keptInvitation);
  const signUp = useMutation(AccountService.method.signUp, {
    onSuccess: ({ organization, verificationSent }) => {
      if (verificationSent) return;
      client.clear();
      void (organization === undefined
        ? navigate({ to: '/' })
        : navigate({ to: '/o/$org', params: { org: organization.name } }));
    },
  });
  if (signUp.data?.verificationSent === true) return <VerificationSent email={signUp.variables?.email ?? ''} />;
  const wrong = signUp.error === null ? [] : findErrorInfo(ConnectError.from(signUp.error)).fields;
  const problemOf = (name: string): string | undefined => wrong.find(({ field }) => field === name)?.description;
  const invited = invitationToken !== '';
  return (
    <Entrance
      title={text.signUp}
      onSubmit={(value) => {
        signUp.mutate({
          name: value('name'),
          email: value('email'),
          password: value('password'),
          ...(invited ? { invitationToken } : { orgName: value('org_name') }),
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
        {...(invited ? { hint: text.invitedHint } : {})}
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
      {!invited && (
        <Field label={text.orgName} name="org_name" required hint={text.orgNameHint} problem={problemOf('org_name')} />
      )}
      <Button loading={signUp.isPending} type="submit">
        {text.signUp}
      </Button>
      <Text size="2">
        {text.haveAccount} <Link to="/sign-in">{text.signIn}</Link>
      </Text>
    </Entrance>
  );
}

/** Where mail is delivered, the account is made by the link of the mail. */
function VerificationSent({ email }: { readonly email: string }) {
  const again = useMutation(AddressService.method.resendVerification);
  return (
    <EntranceFrame title={text.mailTitle}>
      <Text role="status">{text.mailSent(email)}</Text>
      {again.error !== null && <Notice error={again.error} />}
      <Button
        variant="soft"
        loading={again.isPending}
        disabled={again.isSuccess}
        onClick={() => again.mutate({ email })}
      >
        {again.isSuccess ? text.mailSentAgain : text.mailAgain}
      </Button>
    </EntranceFrame>
  );
}
