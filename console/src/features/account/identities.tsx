import { useMutation, useQuery } from '@connectrpc/connect-query';
import { SsoService } from '@truffle/api/tenant/v1/sso_service';
import { Button, Flex, Text } from '@radix-ui/themes';
import { useQueryClient } from '@tanstack/react-query';
import { texts } from '../../texts/texts.ts';
import { Confirm } from '../../ui/confirm.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Ago } from '../../ui/time.tsx';
import { LinkIdentity } from './link-identity.tsx';
import { Section } from './section.tsx';

const text = texts.account.identities;

/** The providers that may sign the person in, and those that could. */
export function Identities() {
  const client = useQueryClient();
  const { data, error } = useQuery(SsoService.method.listIdentities, { page: { size: 100 } });
  const unlink = useMutation(SsoService.method.unlink, { onSuccess: () => void client.invalidateQueries() });
  const identities = data?.identities ?? [];
  const failed = error ?? unlink.error;
  return (
    <Section title={text.title}>
      {failed !== null && <Notice error={failed} />}
      {identities.length === 0 && failed === null && (
        <Text size="2" color="gray">
          {text.none}
        </Text>
      )}
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
            <Button variant="soft" color="red" aria-label={text.unlinkOf(issuer)}>
              {text.unlink}
            </Button>
          </Confirm>
        </Flex>
      ))}
      {data !== undefined && <LinkIdentity linked={identities.map(({ connectionId }) => connectionId)} />}
    </Section>
  );
}
