import type { Transaction } from '@truffle/database';
import { sql, type Insertable } from 'kysely';
import type { TemplateTables } from '../tables.ts';
import type { CuratedTable } from '../template/template.table.ts';
import type { CuratedVersionTable } from '../version/version.table.ts';

/** Stores what ships with this program; safe for several processes at once and again. A version that is there stays as it is. */
export async function upsertCurated(
  tx: Transaction<TemplateTables>,
  template: Insertable<CuratedTable>,
  version: Insertable<CuratedVersionTable>,
): Promise<void> {
  const { title, summary, categories, latest_version, latest_version_id } = template;
  await tx
    .insertInto('template.curated')
    .values(template)
    .onConflict((conflict) =>
      conflict
        .column('id')
        .doUpdateSet({
          title,
          summary,
          categories,
          latest_version,
          latest_version_id,
          revision: sql`curated.revision + 1`,
        })
        .where('template.curated.latest_version_id', '<>', latest_version_id),
    )
    .execute();
  await tx
    .insertInto('template.curated_version')
    .values(version)
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute();
}
