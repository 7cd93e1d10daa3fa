import { useMutation } from '@connectrpc/connect-query';
import { SsoService } from '@truffle/api/tenant/v1/sso_service';
import { Flex, Spinner, Text } from '@radix-ui/themes';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { texts } from '../../texts/texts.ts';
import { Notice } from '../../ui/notice.tsx';
import { takeBinding } from './sso-binding.ts';

/** Where the provider sends the browser back to. */
export default function SsoCallbackPage() {
  const { code, state, iss } = useSearch({ from: '/sso/callback' });
  const navigate = useNavigate();
  const client = useQueryClient();
  const begun = useRef(false);
  const [binding] = useState(takeBinding);
  const refused = code === '' || binding === '';
  const { mutate, error } = useMutation(SsoService.method.finishSignIn, {
    onSuccess: () => {
      client.clear();
      void navigate({ to: '/', replace: true });
    },
  });
  useEffect(() => {
    if (begun.current || refused) return;
    begun.current = true;
    // The code is of use to nobody else, and is not to stay in the history.
    history.replaceState(null, '', globalThis.location.pathname);
    mutate({ code, state, iss, binding });
  }, [refused, code, state, iss, binding, mutate]);
  return (
    <Flex direction="column" gap="4" align="center" p="9">
      {error !== null && <Notice error={error} />}
      {refused && <Text>{texts.account.providerRefused}</Text>}
      {error !== null || refused ? <Link to="/sso">{texts.account.byProvider}</Link> : <Spinner size="3" />}
    </Flex>
  );
}
