import { createQueryOptions, useMutation, useQuery, useTransport } from '@connectrpc/connect-query';
import { ConnectionService } from '@truffle/api/tenant/v1/connection_service';
import { SsoService } from '@truffle/api/tenant/v1/sso_service';
import { OrganizationService } from '@truffle/api/tenant/v1/tenancy_service';
import { Button, Flex, Text } from '@radix-ui/themes';
import { useQueries } from '@tanstack/react-query';
import { texts } from '../../texts/texts.ts';
import { Notice } from '../../ui/notice.tsx';
import { keepBinding } from './sso-binding.ts';

const text = texts.account.identities;
const page = { size: 100 };

/** Sends the browser to a provider of the person's organizations, which signs them in from then on. @param linked connections that do already */
export function LinkIdentity({ linked }: { readonly linked: readonly string[] }) {
  const transport = useTransport();
  const organizations = useQuery(OrganizationService.method.listOrganizations, { page }).data?.organizations ?? [];
  const connections = useQueries({
    queries: organizations.map(({ id: orgId }) => ({
      ...createQueryOptions(ConnectionService.method.listConnections, { orgId, page }, { transport }),
      // Who may not list an organization's providers is linked by signing in there.
      retry: false,
    })),
    combine: (answers) => answers.flatMap(({ data }) => data?.connections ?? []),
  }).filter(({ id, enabled }) => enabled && !linked.includes(id));
  const begin = useMutation(SsoService.method.beginLink, {
    onSuccess: ({ url, binding }) => {
      keepBinding('link', binding);
      globalThis.location.assign(url);
    },
  });
  if (connections.length === 0) return null;
  return (
    <>
      <Text size="2" color="gray">
        {text.linkHint}
      </Text>
      {begin.error !== null && <Notice error={begin.error} />}
      <Flex gap="2" wrap="wrap">
        {connections.map(({ id, orgId, name }) => (
          <Button key={id} variant="soft" loading={begin.isPending} onClick={() => begin.mutate({ connectionId: id })}>
            {text.link(name, organizations.find((each) => each.id === orgId)?.name ?? '')}
          </Button>
        ))}
      </Flex>
    </>
  );
}
