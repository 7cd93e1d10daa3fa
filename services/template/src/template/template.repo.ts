import type { OrderedPage, Ordering, OrderKey, Transaction } from '@truffle/database';
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

/** Of the same place an organization's own come first. */
const orderingWith = (tie: string): Ordering => ({
  tie,
  by: {
    name: { sql: 'name', type: 'text' },
    title: { sql: 'title', type: 'text' },
    created_at: { sql: 'created_at', type: 'timestamptz' },
  },
});
/** Of an organization's own alone. */
export const ownOrdering = orderingWith(`('0'::text || id)`);
const curatedOrdering = orderingWith(`('1'::text || id)`);

/** What templates can be ordered by. */
export const templateOrdering = orderingWith('order_tie');

/** An organization's own and what ships with Truffle: the first of each, and of those the first. */
export async function listTemplates(
  tx: Transaction<TemplateTables>,
  name: string,
  page: OrderedPage,
): Promise<(ListedTemplate & OrderKey)[]> {
  const named = name === '' ? sql`true` : sql`name = ${name}`;
  const own = page.clauses(ownOrdering);
  const curated = page.clauses(curatedOrdering);
  const { rows } = await sql<ListedTemplate & OrderKey>`
    select * from (
      (select org_id, ${shown}, ${own.key} from template.template
        where deleted_at is null and ${named} and ${own.after} order by ${own.order} limit ${page.limit})
      union all
      (select '' as org_id, ${shown}, ${curated.key} from template.curated
        where ${named} and ${curated.after} order by ${curated.order} limit ${page.limit})
    ) t order by ${page.clauses().order} limit ${page.limit}`.execute(tx);
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
