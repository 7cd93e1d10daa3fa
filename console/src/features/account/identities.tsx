import { useMutation, useQuery } from '@connectrpc/connect-query';
import { SsoService } from '@truffle/api/tenant/v1/sso_service';
import { Button, Flex, Text } from '@radix-ui/themes';
import { useQueryClient } from '@tanstack/react-query';
import { texts } from '../../texts/texts.ts';
import { Confirm } from '../../ui/confirm.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Ago } from '../../ui/time.tsx';
import { Section } from './section.tsx';

const text = texts.account.identities;

/** The providers that may sign the person in. They are linked by signing in there. */
export function Identities() {
  const client = useQueryClient();
  const { data, error } = useQuery(SsoService.method.listIdentities, { page: { size: 100 } });
  const unlink = useMutation(SsoService.method.unlink, { onSuccess: () => void client.invalidateQueries() });
  const identities = data?.identities ?? [];
  const failed = error ?? unlink.error;
  if (identities.length === 0 && failed === null) return null;
  return (
    <Section title={text.title}>
      {failed !== null && <Notice error={failed} />}
      {identities.map(({ id, issuer, subject, createdAt }) => (
        <Flex key={id} justify="between" align="center" gap="3">
          <Flex direction="column">
            <Text size="2" weight="medium">
              {issuer}
            </Text>
            <Text size="1" color="gray">
              {subject} · <Ago at={createdAt} />
            </Text>
          </Flex>
          <Confirm
            title={text.unlinkTitle}
            message={text.unlinkHint}
            action={text.unlink}
            onConfirm={() => unlink.mutate({ identityId: id })}
          >
            <Button variant="soft" color="red">
              {text.unlink}
            </Button>
          </Confirm>
        </Flex>
      ))}
    </Section>
  );
}
