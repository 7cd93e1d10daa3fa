import { appendEvent } from '@truffle/database';
import { authorOf, NotFoundProblem, PreconditionProblem, StaleRevisionProblem, type Caller } from '@truffle/kit';
import type { TemplateParts } from '../parts.ts';
import { quotaHoldersOf } from '../version/version.repo.ts';
import { releaseVersionQuota } from '../version/version.usecases.ts';
import { lockTemplateById, markTemplateDeleted } from './template.repo.ts';

/** Hides a template of the organization's own; its versions stay for the clusters made from them. @throws NotFoundProblem, StaleRevisionProblem */
export async function deleteTemplate(
  parts: TemplateParts,
  caller: Caller,
  id: string,
  revision: bigint,
): Promise<void> {
  const holders = await parts.database.tenant(caller.orgId, async (tx) => {
    const row = await lockTemplateById(tx, id);
    if (row === undefined) throw new NotFoundProblem('template', id);
    if (revision !== 0n && revision !== BigInt(row.revision))
      throw new StaleRevisionProblem('template', id, revision, BigInt(row.revision));
    if (row.protected) throw new PreconditionProblem('PROTECTED', `template ${row.name} is protected`, { id });
    await markTemplateDeleted(tx, id, parts.now());
    await appendEvent(tx, authorOf(caller), {
      orgId: caller.orgId,
      name: 'template.deleted',
      resourceId: id,
      data: { before: { name: row.name } },
    });
    return quotaHoldersOf(tx, id);
  });
  await releaseVersionQuota(parts, caller, holders);
}
