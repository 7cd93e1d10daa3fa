import type { Transaction } from '@truffle/database';
import { sql, type Insertable, type Selectable } from 'kysely';
import type { TemplateTables } from '../tables.ts';
import type { TemplateTable } from './template.table.ts';

export type TemplateRow = Selectable<TemplateTable>;
/** What lists and reads show, of an organization's own (`org_id` set) or of what ships with Truffle (`org_id` empty). */
export type ListedTemplate = Omit<TemplateRow, 'protected' | 'deleted_at'>;

const shown = sql.raw(
  'id, name, title, summary, publisher, categories, latest_version, latest_version_id, revision, created_at',
);
const offered = sql`(
  select org_id, ${shown} from template.template where deleted_at is null
  union all select '' as org_id, ${shown} from template.curated)`;

/** Place of a template in a list: by name, an organization's own first. */
export const listKey = (row: ListedTemplate): string => `${row.name}/${row.org_id === '' ? 1 : 0}`;

export async function listTemplates(
  tx: Transaction<TemplateTables>,
  name: string,
  after: string | undefined,
  limit: number,
): Promise<ListedTemplate[]> {
  const [afterName = '', afterRank = '0'] = after?.split('/') ?? [];
  const rank = sql`case when org_id = '' then 1 else 0 end`;
  const { rows } = await sql<ListedTemplate>`
    select * from ${offered} t
    where (${name} = '' or name = ${name}) and (${after === undefined} or (name, ${rank}) > (${afterName}, ${Number(afterRank)}::int))
    order by name, ${rank} limit ${limit}`.execute(tx);
  return rows;
}

export async function findTemplate(tx: Transaction<TemplateTables>, id: string): Promise<ListedTemplate | undefined> {
  const { rows } = await sql<ListedTemplate>`select * from ${offered} t where id = ${id}`.execute(tx);
  return rows[0];
}

/** Makes the template unless the organization has one of its name; either way it is then held to the end of the transaction. */
export async function lockTemplate(
  tx: Transaction<TemplateTables>,
  fresh: Insertable<TemplateTable>,
): Promise<TemplateRow> {
  await tx
    .insertInto('template.template')
    .values(fresh)
    .onConflict((conflict) => conflict.columns(['org_id', 'name']).where('deleted_at', 'is', null).doNothing())
    .execute();
  return tx
    .selectFrom('template.template')
    .selectAll()
    .where('name', '=', fresh.name)
    .where('deleted_at', 'is', null)
    .forUpdate()
    .executeTakeFirstOrThrow();
}

export async function lockTemplateById(tx: Transaction<TemplateTables>, id: string): Promise<TemplateRow | undefined> {
  return tx
    .selectFrom('template.template')
    .selectAll()
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .forUpdate()
    .executeTakeFirst();
}

type Latest = Pick<TemplateRow, 'title' | 'summary' | 'categories' | 'latest_version' | 'latest_version_id'>;

/** The template looks as its newest version says. */
export async function setLatest(tx: Transaction<TemplateTables>, id: string, latest: Latest): Promise<void> {
  await tx
    .updateTable('template.template')
    .set({ ...latest, revision: sql`revision + 1` })
    .where('id', '=', id)
    .execute();
}

export async function markTemplateDeleted(tx: Transaction<TemplateTables>, id: string, at: Date): Promise<void> {
  await tx
    .updateTable('template.template')
    .set({ deleted_at: at, revision: sql`revision + 1` })
    .where('id', '=', id)
    .execute();
}
