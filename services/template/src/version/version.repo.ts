import type { Transaction } from '@truffle/database';
import { sql, type Insertable, type Selectable } from 'kysely';
import type { TemplateTables } from '../tables.ts';
import type { VersionTable } from './version.table.ts';

/** A version as it is read: `org_id` is empty for one that ships with Truffle. */
export type VersionRow = Pick<
  Selectable<VersionTable>,
  | 'org_id'
  | 'id'
  | 'template_id'
  | 'template_name'
  | 'version'
  | 'digest'
  | 'parent_digest'
  | 'source'
  | 'content'
  | 'parameters_schema'
  | 'created_at'
>;

const shown = 'id, template_id, template_name, version, digest, parent_digest, content, parameters_schema, created_at';
const offered = (source: string) =>
  sql.raw(`(
  select org_id, ${source}, ${shown} from template.version
  union all select '' as org_id, ${source}, ${shown} from template.curated_version)`);

/** Also one of a deleted template: clusters keep their version. */
export async function findVersion(tx: Transaction<TemplateTables>, id: string): Promise<VersionRow | undefined> {
  const { rows } = await sql<VersionRow>`select * from ${offered('source')} v where id = ${id}`.execute(tx);
  return rows[0];
}

/** One that new clusters may be made from: of a template that is not deleted. */
export async function findOfferedVersion(tx: Transaction<TemplateTables>, id: string): Promise<VersionRow | undefined> {
  const { rows } = await sql<VersionRow>`
    select * from ${offered('source')} v where id = ${id}
    and not exists (select 1 from template.template t where t.id = v.template_id and t.deleted_at is not null)`.execute(
    tx,
  );
  return rows[0];
}

/** Newest first, without sources. */
export async function listVersions(
  tx: Transaction<TemplateTables>,
  templateId: string,
  before: string | undefined,
  limit: number,
): Promise<VersionRow[]> {
  const { rows } = await sql<VersionRow>`
    select * from ${offered(`'' as source`)} v
    where template_id = ${templateId} and (${before === undefined} or id < ${before ?? ''})
    order by id desc limit ${limit}`.execute(tx);
  return rows;
}

export async function findVersionNumbered(
  tx: Transaction<TemplateTables>,
  templateId: string,
  version: string,
): Promise<VersionRow | undefined> {
  return tx
    .selectFrom('template.version')
    .selectAll()
    .where('template_id', '=', templateId)
    .where('version', '=', version)
    .executeTakeFirst();
}

export async function insertVersion(tx: Transaction<TemplateTables>, row: Insertable<VersionTable>): Promise<void> {
  await tx.insertInto('template.version').values(row).execute();
}

/** What the versions of a template hold of the quota. */
export async function quotaHoldersOf(tx: Transaction<TemplateTables>, templateId: string): Promise<string[]> {
  const rows = await tx
    .selectFrom('template.version')
    .select('quota_holder')
    .where('template_id', '=', templateId)
    .execute();
  return rows.map((row) => row.quota_holder);
}
