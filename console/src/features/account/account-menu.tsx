import { useMutation, useQuery } from '@connectrpc/connect-query';
import { AccountService } from '@truffle/api/tenant/v1/account_service';
import { Avatar, DropdownMenu } from '@radix-ui/themes';
import { useNavigate } from '@tanstack/react-router';
import { useQueryClient } from '@tanstack/react-query';
import { texts } from '../../texts/texts.ts';

/** Who is signed in, and the way out. */
export function AccountMenu() {
  const navigate = useNavigate();
  const client = useQueryClient();
  const { data } = useQuery(AccountService.method.whoAmI, {});
  const signOut = useMutation(AccountService.method.signOut, {
    onSettled: () => {
      client.clear();
      void navigate({ to: '/sign-in', search: {} });
    },
  });
  const name = data?.user?.name ?? '';
  return (
    <DropdownMenu.Root>
      <DropdownMenu.Trigger>
        <button type="button" aria-label={texts.account.menu} style={{ all: 'unset', cursor: 'pointer' }}>
          <Avatar size="1" radius="full" fallback={name.slice(0, 1).toUpperCase() || '?'} />
        </button>
      </DropdownMenu.Trigger>
      <DropdownMenu.Content>
        <DropdownMenu.Label>{data?.user?.email ?? name}</DropdownMenu.Label>
        <DropdownMenu.Separator />
        <DropdownMenu.Item onSelect={() => void navigate({ to: '/account' })}>{texts.account.own}</DropdownMenu.Item>
        <DropdownMenu.Item onSelect={() => void navigate({ to: '/new-organization' })}>
          {texts.account.newOrganization}
        </DropdownMenu.Item>
        <DropdownMenu.Separator />
        <DropdownMenu.Item onSelect={() => signOut.mutate({})}>{texts.account.signOut}</DropdownMenu.Item>
      </DropdownMenu.Content>
    </DropdownMenu.Root>
  );
}
