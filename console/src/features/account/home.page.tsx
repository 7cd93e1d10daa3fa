import { useQuery } from '@connectrpc/connect-query';
import { OrganizationService } from '@truffle/api/tenant/v1/tenancy_service';
import { Flex, Spinner } from '@radix-ui/themes';
import { Navigate } from '@tanstack/react-router';
import { Notice } from '../../ui/notice.tsx';

/** The way to the person's first organization, or to making one. */
export default function HomePage() {
  const { data, error } = useQuery(OrganizationService.method.listOrganizations, { page: { size: 1 } });
  const first = data?.organizations[0];
  if (first !== undefined) return <Navigate to="/o/$org" params={{ org: first.name }} replace />;
  // Whoever has left their last one makes another, or waits for an invitation.
  if (data !== undefined) return <Navigate to="/new-organization" replace />;
  if (error !== null) return <Notice error={error} />;
  return (
    <Flex justify="center" p="9">
      <Spinner size="3" />
    </Flex>
  );
}
