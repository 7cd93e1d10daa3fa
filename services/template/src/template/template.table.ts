import type { ColumnType, Generated } from 'kysely';

/** An organization's own template: a named line of versions. */
export interface TemplateTable {
  org_id: string;
  id: string;
  /** Unique in the organization while it is there. */
  name: string;
  title: string;
  summary: string;
  publisher: string;
  categories: string[];
  latest_version: string;
  latest_version_id: string;
  protected: Generated<boolean>;
  revision: Generated<string>;
  created_at: Date;
  deleted_at: Date | null;
}

/** One that ships with Truffle: nobody's, everybody's to read. */
export type CuratedTable = Omit<TemplateTable, 'org_id' | 'protected' | 'deleted_at'>;

/** A jsonb column: an object out, its text in. */
export type JsonColumn = ColumnType<Record<string, unknown>, string, never>;
