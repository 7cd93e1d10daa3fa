import { useMutation } from '@connectrpc/connect-query';
import { AddressService } from '@truffle/api/tenant/v1/address_service';
import { Button, Text } from '@radix-ui/themes';
import { useNavigate } from '@tanstack/react-router';
import { useQueryClient } from '@tanstack/react-query';
import { texts } from '../../texts/texts.ts';
import { Confirm } from '../../ui/confirm.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Section } from './section.tsx';

const text = texts.account.deletion;

/** Deletes the account for good. @param email its address, which is typed to confirm it */
export function DeleteAccount({ email }: { readonly email: string }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const remove = useMutation(AddressService.method.deleteAccount, {
    onSuccess: () => {
      client.clear();
      void navigate({ to: '/sign-in', search: {} });
    },
  });
  return (
    <Section title={text.title}>
      <Text size="2" color="gray">
        {text.hint}
      </Text>
      {remove.error !== null && <Notice error={remove.error} />}
      <div>
        <Confirm
          title={text.ask}
          message={text.hint}
          action={text.title}
          name={email}
          onConfirm={() => remove.mutate({ email })}
        >
          <Button variant="soft" color="red" loading={remove.isPending}>
            {text.title}
          </Button>
        </Confirm>
      </div>
    </Section>
  );
}
