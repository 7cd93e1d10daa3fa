/** Indexes for the orders of connections, a group's members and a trust's tokens that they had none for, with the tie-breaker (see the repositories' orderings). */
export const memberOrderMigration = `
  create index connection_by_name on tenant.connection (org_id, name, id);
  create index connection_by_issuer on tenant.connection (org_id, issuer, id);
  create index group_member_by_time on tenant.group_member (org_id, group_id, added_at, subject);
  create index workload_token_by_subject on tenant.workload_token (org_id, trust_id, subject, id);
  create index workload_token_by_end on tenant.workload_token (org_id, trust_id, expires_at, id);`;
