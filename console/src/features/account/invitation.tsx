import { useMutation, useQuery } from '@connectrpc/connect-query';
import { AccountService } from '@truffle/api/tenant/v1/account_service';
import { InvitationService } from '@truffle/api/tenant/v1/invitation_service';
import { Button, Text } from '@radix-ui/themes';
import { Link, useNavigate } from '@tanstack/react-router';
import { useQueryClient } from '@tanstack/react-query';
import { plainTransport } from '../../app/transport.ts';
import { texts } from '../../texts/texts.ts';
import { Notice } from '../../ui/notice.tsx';
import { Entrance, EntranceFrame } from './entrance.tsx';
import { keepInvitation, keptInvitation } from './mail-token.ts';

const text = texts.account.mail.invitation;

/** Whoever is signed in accepts; others sign in or up first, and come back by themselves. */
export function Invitation({ token }: { readonly token: string }) {
  const given = token === '' ? keptInvitation() : token;
  const navigate = useNavigate();
  const client = useQueryClient();
  const who = useQuery(
    AccountService.method.whoAmI,
    {},
    { transport: plainTransport, retry: false, meta: { quiet: true } },
  );
  const accept = useMutation(InvitationService.method.acceptInvitation, {
    onSuccess: () => {
      keepInvitation('');
      client.clear();
      void navigate({ to: '/', replace: true });
    },
  });
  if (who.isPending) return null;
  if (who.data?.user === undefined) {
    keepInvitation(given);
    return (
      <EntranceFrame title={text.title}>
        <Text>{text.signInFirst}</Text>
        <Button asChild>
          <Link to="/sign-up">{texts.account.signUp}</Link>
        </Button>
        <Button asChild variant="soft">
          <Link to="/sign-in" search={{ next: '/account/invitation' }}>
            {texts.account.signIn}
          </Link>
        </Button>
      </EntranceFrame>
    );
  }
  return (
    <Entrance title={text.title} onSubmit={() => accept.mutate({ token: given })}>
      {accept.error !== null && <Notice error={accept.error} />}
      <Text>{text.as(who.data.user.email)}</Text>
      <Button loading={accept.isPending} type="submit" autoFocus>
        {text.accept}
      </Button>
    </Entrance>
  );
}
