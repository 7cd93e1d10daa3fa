import type { ServiceRole } from './roles.ts';

/**
 * The statements that make `table` (with a column `org_id`) a tenant's: row-level security forced, one policy on the signed
 * setting, and for `role` only what is named.
 */
export function tenantTable(table: string, role: ServiceRole, grants = 'select, insert, update, delete'): string {
  return `
    alter table ${table} enable row level security;
    alter table ${table} force row level security;
    create policy tenant on ${table} as permissive for all to ${role}
      using (org_id = (select ctx.org())) with check (org_id = (select ctx.org()));
    grant ${grants} on ${table} to ${role};`;
}

/** A narrow policy for a role that works across tenants or before one is known. `grants` may name columns. */
export function allowEverywhere(
  table: string,
  role: ServiceRole,
  command: 'select' | 'insert' | 'update' | 'delete',
  grant: string = command,
): string {
  const check =
    command === 'insert'
      ? 'with check (true)'
      : command === 'update'
        ? 'using (true) with check (true)'
        : 'using (true)';
  return `
    create policy ${role}_${command} on ${table} as permissive for ${command} to ${role} ${check};
    grant ${grant} on ${table} to ${role};`;
}
