import { appendEvent } from '@truffle/database';
import { authorOf, bells, StaleRevisionProblem, type Caller } from '@truffle/kit';
import { lockOrganization } from '../organization/organization.repo.ts';
import type { TenantParts } from '../parts.ts';
import { letsIn, readAllowlists, WouldLockOutProblem, type AllowlistKind, type Allowlists } from './allowlist.ts';
import { findAllowlist, storeAllowlist, type AllowlistRow } from './allowlist.repo.ts';

export interface WantedAllowlists {
  readonly lists: Allowlists;
  /** The revision that the caller saw. */
  readonly revision: bigint;
  /** Goes on though the caller shuts itself out. */
  readonly force: boolean;
}

/**
 * Replaces an organization's allowlists; in force within 5 s, for what is open then too.
 * @throws InvalidProblem, StaleRevisionProblem, WouldLockOutProblem
 */
export async function setAllowlist(
  parts: TenantParts,
  caller: Caller,
  wanted: WantedAllowlists,
): Promise<AllowlistRow> {
  const { orgId } = caller;
  const lists = readAllowlists(wanted.lists);
  const own: AllowlistKind = caller.sessionId === undefined ? 'api_keys' : 'sessions';
  const isInside = letsIn(lists[own], caller.address);
  if (!isInside && !wanted.force) throw new WouldLockOutProblem(own, caller.address);
  const row = await parts.tenants.tenant(orgId, async (tx) => {
    await lockOrganization(tx, orgId);
    const before = await findAllowlist(tx);
    const current = BigInt(before?.revision ?? 0);
    if (current !== wanted.revision) throw new StaleRevisionProblem('allowlist of', orgId, wanted.revision, current);
    await appendEvent(tx, authorOf(caller), {
      orgId,
      name: 'allowlist.set',
      resourceId: orgId,
      data: {
        before: { sessions: before?.sessions ?? [], api_keys: before?.api_keys ?? [], agents: before?.agents ?? [] },
        after: { ...lists },
        ...(isInside ? {} : { forced: true }),
      },
    });
    return storeAllowlist(tx, orgId, lists, current + 1n);
  });
  parts.bell.ring(bells.identity);
  parts.bell.ring(bells.allowlist, orgId);
  return row;
}
