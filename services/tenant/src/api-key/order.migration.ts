/** One index for each order of a list, with the tie-breaker (see the repositories' orderings). */
export const orderMigration = `
  create index api_key_by_name on tenant.api_key (org_id, name, id);
  create index api_key_by_use on tenant.api_key (org_id, coalesce(last_used_at, '-infinity'::timestamptz), id);
  create index api_key_by_end on tenant.api_key (org_id, coalesce(expires_at, 'infinity'::timestamptz), id);
  create index role_binding_by_role on tenant.role_binding (org_id, role, id);
  create index role_binding_by_end on tenant.role_binding (org_id, coalesce(expires_at, 'infinity'::timestamptz), id);`;
