import { allowEverywhere, tenantTable, type ServiceRole } from '@truffle/database';

/** Owner of what is no organization's: what belongs to people. */
export const installation = 'installation';

export interface DataKeyTable {
  /** The owner: an organization, or `installation`. */
  readonly org_id: string;
  readonly version: number;
  readonly kek_id: string;
  readonly wrapped: Buffer;
  /** The key-encryption key that it was made under; empty for one of before that was written down. */
  readonly made_under: string;
  readonly created_at: Date;
}

/**
 * The table of data keys of `schema`.
 * @param owner role that seals for organizations
 * @param before role that seals for people, before an organization is known; sees the installation's keys only
 */
export const dataKeyTable = (schema: string, owner: ServiceRole, before: ServiceRole): string => `
  create table ${schema}.data_key (
    org_id text not null,
    version integer not null check (version > 0),
    kek_id text not null,
    wrapped bytea not null,
    created_at timestamptz not null,
    primary key (org_id, version)
  );
  ${tenantTable(`${schema}.data_key`, owner, 'select, insert')}
  create policy installation on ${schema}.data_key for all to ${before}
    using (org_id = '${installation}') with check (org_id = '${installation}');
  grant select, insert on ${schema}.data_key to ${before};
  ${allowEverywhere(`${schema}.data_key`, 'svc_key_rotation', 'select')}
  ${allowEverywhere(`${schema}.data_key`, 'svc_key_rotation', 'insert')}
  ${allowEverywhere(`${schema}.data_key`, 'svc_key_rotation', 'update', 'update (kek_id, wrapped)')}
  grant usage on schema ${schema} to svc_key_rotation;`;

/** What tells a data key's generation, for a table of `dataKeyTable`: one is renewed once for each key-encryption key. */
export const dataKeyGeneration = (schema: string): string =>
  `alter table ${schema}.data_key add column made_under text not null default '';`;

/** A column that holds sealed values: where it is and how its rows are told apart. */
export interface SealedColumn {
  /** `schema.table`. */
  readonly table: string;
  readonly column: string;
  /** The key of a row, without its owner. */
  readonly id: string;
  /** Column with the owner; empty where the owner is the installation. */
  readonly owner: string;
}

/** What the rotating role may see and do of a sealed column. The table must have row-level security where it has an owner. */
export function sealedColumn({ table, column, id, owner }: SealedColumn): string {
  const seen = [id, column, ...(owner === '' ? [] : [owner])].join(', ');
  return owner === ''
    ? `grant select (${seen}), update (${column}) on ${table} to svc_key_rotation;`
    : `${allowEverywhere(table, 'svc_key_rotation', 'select', `select (${seen})`)}
       ${allowEverywhere(table, 'svc_key_rotation', 'update', `update (${column})`)}`;
}
