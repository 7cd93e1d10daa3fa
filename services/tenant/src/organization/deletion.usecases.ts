import { OrganizationEndService } from '@truffle/api/agent/v1/organization_end_service';
import { ProjectUseService } from '@truffle/api/orchestration/v1/project_use_service';
import { appendEvent } from '@truffle/database';
import { authorOf, bells, NotFoundProblem, onBehalfOf, PreconditionProblem, type Caller } from '@truffle/kit';
import type { TenantParts } from '../parts.ts';
import { endConfinedSessions, endOrganization } from './deletion.repo.ts';
import { findOrganization, lockOrganization } from './organization.repo.ts';

/**
 * Deletes the call's organization, whose `name` confirms it. Nobody reaches it from then on; people keep their accounts. Called again, it goes on
 * where it broke off.
 * @throws PreconditionProblem for another name, while it has clusters or agents, or when it is protected
 */
export async function deleteOrganization(parts: TenantParts, caller: Caller, name: string): Promise<void> {
  const { orgId } = caller;
  const found = await parts.tenants.tenant(orgId, (tx) => findOrganization(tx, orgId));
  if (found === undefined) throw new NotFoundProblem('organization', orgId);
  if (found.name !== name)
    throw new PreconditionProblem(
      'NOT_CONFIRMED',
      'this is not the name of the organization; say its name to delete it',
    );
  if (found.protected) throw new PreconditionProblem('PROTECTED', `organization ${name} is protected`, { id: orgId });
  await demandEmpty(parts, caller);
  const now = parts.now();
  await parts.tenants.tenant(orgId, async (tx) => {
    await lockOrganization(tx, orgId);
    if ((await findOrganization(tx, orgId)) === undefined) return;
    const ended = await endOrganization(tx, orgId, now);
    const data = { before: { name, title: found.title }, ended };
    await appendEvent(tx, authorOf(caller), { orgId, name: 'organization.deleted', resourceId: orgId, data });
  });
  // They give nothing since the commit; this takes them from their people's lists.
  await parts.identity.tenant(orgId, (tx) => endConfinedSessions(tx, orgId, now));
  parts.bell.ring(bells.identity);
  parts.bell.ring(bells.allowlist);
}

/** A cluster that is made between this answer and the commit finds its project gone; an agent that would join finds its token ended. */
async function demandEmpty(parts: TenantParts, caller: Caller): Promise<void> {
  const about = onBehalfOf(caller);
  const [use, agents] = await Promise.all([
    parts.peers.client('orchestration', ProjectUseService, about).listUse({}),
    parts.peers.client('agent-gateway', OrganizationEndService, about).endEnrolment({}),
  ]);
  const left = [named('cluster', use.clusters, use.count), named('agent', agents.agents, agents.count)].filter(
    (each) => each !== '',
  );
  if (left.length > 0)
    throw new PreconditionProblem(
      'ORGANIZATION_NOT_EMPTY',
      `the organization has ${left.join(' and ')}; delete them first`,
      { clusters: String(use.count), agents: String(agents.count) },
    );
}

const named = (noun: string, names: readonly string[], count: number): string => {
  if (count === 0) return '';
  const more = count > names.length ? ', …' : '';
  return `${count} ${noun}${count === 1 ? '' : 's'} (${names.join(', ')}${more})`;
};
