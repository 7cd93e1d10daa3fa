import { useMutation } from '@connectrpc/connect-query';
import { AddressService } from '@truffle/api/tenant/v1/address_service';
import { Button, Text } from '@radix-ui/themes';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { texts } from '../../texts/texts.ts';
import { Field } from '../../ui/field.tsx';
import { Notice, NotFound } from '../../ui/notice.tsx';
import { Entrance } from './entrance.tsx';
import { Invitation } from './invitation.tsx';
import { takeMailToken } from './mail-token.ts';

const text = texts.account.mail;

/** Where the links of mails lead. Nothing is done by opening one: programs that look into mail open them too. */
export default function MailLinkPage() {
  const { link } = useParams({ from: '/account/$link' });
  // The router changes the address only later.
  const [token] = useState(takeMailToken);
  switch (link) {
    case 'complete':
      return <Complete token={token} />;
    case 'reset':
      return <Reset token={token} />;
    case 'verify':
      return <Confirm token={token} method={AddressService.method.verifyAddress} texts={text.verify} />;
    case 'address':
      return <Confirm token={token} method={AddressService.method.confirmAddress} texts={text.address} />;
    case 'keep-address':
      return <Confirm token={token} method={AddressService.method.keepAddress} texts={text.keep} />;
    case 'invitation':
      return <Invitation token={token} />;
    default:
      return <NotFound />;
  }
}

const { complete: completeText, reset: resetText } = text;

/** The account is made by the link and the password of the sign-up. */
function Complete({ token }: { readonly token: string }) {
  const navigate = useNavigate();
  const client = useQueryClient();
  const complete = useMutation(AddressService.method.completeSignUp, {
    onSuccess: () => {
      client.clear();
      void navigate({ to: '/', replace: true });
    },
  });
  return (
    <Entrance
      title={completeText.title}
      onSubmit={(value) => complete.mutate({ token, password: value('password'), orgName: value('org_name') })}
    >
      {complete.error !== null && <Notice error={complete.error} />}
      <Field
        label={texts.account.password}
        name="password"
        type="password"
        autoComplete="current-password"
        hint={completeText.hint}
        required
        autoFocus
      />
      {complete.error !== null && <Field label={texts.account.orgName} name="org_name" hint={completeText.otherName} />}
      <Button loading={complete.isPending} type="submit">
        {completeText.title}
      </Button>
    </Entrance>
  );
}

function Reset({ token }: { readonly token: string }) {
  const reset = useMutation(AddressService.method.resetPassword);
  return (
    <Entrance title={resetText.title} onSubmit={(value) => reset.mutate({ token, newPassword: value('password') })}>
      {reset.error !== null && <Notice error={reset.error} />}
      {reset.isSuccess ? (
        <Text role="status">
          {resetText.done} <Link to="/sign-in">{texts.account.signIn}</Link>
        </Text>
      ) : (
        <>
          <Field
            label={resetText.password}
            name="password"
            type="password"
            autoComplete="new-password"
            minLength={10}
            hint={texts.account.passwordHint}
            required
            autoFocus
          />
          <Button loading={reset.isPending} type="submit">
            {resetText.title}
          </Button>
        </>
      )}
    </Entrance>
  );
}

interface ConfirmProps {
  readonly token: string;
  readonly method:
    | typeof AddressService.method.verifyAddress
    | typeof AddressService.method.confirmAddress
    | typeof AddressService.method.keepAddress;
  readonly texts: { readonly title: string; readonly what: string; readonly done: string };
}

/** One button, and what came of it. */
function Confirm({ token, method, texts: { title, what, done } }: ConfirmProps) {
  const confirm = useMutation(method as typeof AddressService.method.verifyAddress);
  return (
    <Entrance title={title} onSubmit={() => confirm.mutate({ token })}>
      {confirm.error !== null && <Notice error={confirm.error} />}
      {confirm.isSuccess ? (
        <Text role="status">
          {done} <Link to="/">{text.start}</Link>
        </Text>
      ) : (
        <>
          <Text>{what}</Text>
          <Button loading={confirm.isPending} type="submit" autoFocus>
            {title}
          </Button>
        </>
      )}
    </Entrance>
  );
}
