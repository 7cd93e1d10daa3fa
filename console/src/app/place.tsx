import { createQueryOptions, useQuery } from '@connectrpc/connect-query';
import type { Organization, Project } from '@truffle/api/tenant/v1/tenancy';
import { OrganizationService, ProjectService } from '@truffle/api/tenant/v1/tenancy_service';
import { useParams } from '@tanstack/react-router';
import { queries } from './queries.ts';
import { transport } from './transport.ts';

/** Where in the tenancy tree the page is, by the names in its address. Undefined while it is not known yet. */
export interface Place {
  readonly organization: Organization | undefined;
  readonly organizations: readonly Organization[];
  readonly project: Project | undefined;
  readonly projects: readonly Project[];
  readonly error: Error | null;
}

const page = { size: 200 };

/** Asks already for what `usePlace` begins with. Whoever is not signed in is sent to where that is done. */
export const askWhere = (): void =>
  void queries.prefetchQuery(createQueryOptions(OrganizationService.method.listOrganizations, { page }, { transport }));

/** The organization and project of the address (`/o/<name>/p/<name>`); the first project where the address names none. */
export function usePlace(): Place {
  const { org, project: projectName } = useParams({ strict: false });
  const organizations = useQuery(OrganizationService.method.listOrganizations, { page });
  const organization = organizations.data?.organizations.find(({ name }) => name === org);
  const projects = useQuery(
    ProjectService.method.listProjects,
    { orgId: organization?.id ?? '', page },
    { enabled: organization !== undefined },
  );
  const known = projects.data?.projects ?? [];
  return {
    organization,
    organizations: organizations.data?.organizations ?? [],
    project: projectName === undefined ? known[0] : known.find(({ name }) => name === projectName),
    projects: known,
    error: organizations.error ?? projects.error,
  };
}
