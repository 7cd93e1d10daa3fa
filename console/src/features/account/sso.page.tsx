import { useMutation } from '@connectrpc/connect-query';
import { SsoService } from '@truffle/api/tenant/v1/sso_service';
import { Button, Text } from '@radix-ui/themes';
import { Link } from '@tanstack/react-router';
import { texts } from '../../texts/texts.ts';
import { Field } from '../../ui/field.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Entrance } from './entrance.tsx';
import { keepBinding } from './sso-binding.ts';

/** Sends the browser to the provider of the address's organization. */
export default function SsoPage() {
  const begin = useMutation(SsoService.method.beginSignIn, {
    onSuccess: ({ url, binding }) => {
      keepBinding('sign-in', binding);
      globalThis.location.assign(url);
    },
  });
  return (
    <Entrance
      title={texts.account.byProvider}
      onSubmit={(value) => begin.mutate({ by: { case: 'email', value: value('email') } })}
    >
      {begin.error !== null && <Notice error={begin.error} />}
      <Field
        label={texts.account.email}
        hint={texts.account.byProviderHint}
        name="email"
        type="email"
        autoComplete="username"
        required
        autoFocus
      />
      <Button loading={begin.isPending || begin.isSuccess} type="submit">
        {texts.account.deviceFind}
      </Button>
      <Text size="2">
        <Link to="/sign-in">{texts.account.signIn}</Link>
      </Text>
    </Entrance>
  );
}
