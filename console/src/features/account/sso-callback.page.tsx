import { useMutation } from '@connectrpc/connect-query';
import { SsoService } from '@truffle/api/tenant/v1/sso_service';
import { Flex, Spinner, Text } from '@radix-ui/themes';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { texts } from '../../texts/texts.ts';
import { Notice } from '../../ui/notice.tsx';
import { takeBinding, type SsoPurpose } from './sso-binding.ts';

/** Where the provider sends the browser back to. */
export default function SsoCallbackPage() {
  const { code, state, iss } = useSearch({ from: '/sso/callback' });
  const navigate = useNavigate();
  const client = useQueryClient();
  const begun = useRef(false);
  const [{ purpose, binding }] = useState(takeBinding);
  const refused = code === '' || binding === '';
  const signIn = useMutation(SsoService.method.finishSignIn, {
    onSuccess: () => {
      client.clear();
      void navigate({ to: '/', replace: true });
    },
  });
  const link = useMutation(SsoService.method.finishLink, {
    onSuccess: () => void navigate({ to: '/account', replace: true }),
  });
  const finish = purpose === 'link' ? link.mutate : signIn.mutate;
  const error = signIn.error ?? link.error;
  useEffect(() => {
    if (begun.current || refused) return;
    begun.current = true;
    // The code is of use to nobody else, and is not to stay in the history.
    history.replaceState(null, '', globalThis.location.pathname);
    finish({ code, state, iss, binding });
  }, [refused, code, state, iss, binding, finish]);
  return (
    <Flex direction="column" gap="4" align="center" p="9">
      {error !== null && <Notice error={error} />}
      {refused && <Text>{texts.account.providerRefused}</Text>}
      {error !== null || refused ? <WayBack purpose={purpose} /> : <Spinner size="3" />}
    </Flex>
  );
}

const WayBack = ({ purpose }: { readonly purpose: SsoPurpose }) =>
  purpose === 'link' ? (
    <Link to="/account">{texts.account.own}</Link>
  ) : (
    <Link to="/sso">{texts.account.byProvider}</Link>
  );
