import { appendEvent } from '@truffle/database';
import { authorOf, bells, NotFoundProblem, PreconditionProblem, type Caller } from '@truffle/kit';
import { demandVerified } from '../account/person.usecases.ts';
import { hasFactor } from '../factor/factor.repo.ts';
import type { TenantParts } from '../parts.ts';
import {
  findOrganization,
  lockOrganization,
  setSecondFactorRequired,
  type OrganizationRow,
} from './organization.repo.ts';

/**
 * Says whether members reach the organization only with a second factor. Keys are not concerned.
 * @throws PreconditionProblem for a person without a second factor, who would lock themselves out
 */
export async function requireSecondFactor(
  parts: TenantParts,
  caller: Caller,
  required: boolean,
): Promise<OrganizationRow> {
  await demandVerified(parts, caller);
  const userId = caller.subject.startsWith('user:') ? caller.subject.slice('user:'.length) : undefined;
  if (required && (userId === undefined || !(await parts.identity.anywhere((tx) => hasFactor(tx, userId)))))
    throw new PreconditionProblem(
      'NO_SECOND_FACTOR',
      'only a person with a second factor turns this on, so that somebody gets in: add one to your account first',
    );
  const row = await parts.tenants.tenant(caller.orgId, async (tx) => {
    await lockOrganization(tx, caller.orgId);
    const before = await findOrganization(tx, caller.orgId);
    if (before === undefined) throw new NotFoundProblem('organization', caller.orgId);
    if (before.second_factor_required === required) return before;
    await setSecondFactorRequired(tx, caller.orgId, required);
    await appendEvent(tx, authorOf(caller), {
      orgId: caller.orgId,
      name: 'organization.second_factor_set',
      resourceId: caller.orgId,
      data: { before: { required: before.second_factor_required }, after: { required } },
    });
    return { ...before, second_factor_required: required, revision: String(BigInt(before.revision) + 1n) };
  });
  parts.bell.ring(bells.identity);
  return row;
}
