/**
 * Workloads that act as a service account: what that may, while it may. Trusts with a role of their own stay as they are. With its account a
 * trust goes, and with that its tokens.
 */
export const trustAccountMigration = `
  alter table tenant.trust
    drop constraint trust_role_check,
    add check (role in (0, 1, 2, 3, 5)),
    add column service_account_id text,
    add check ((role = 0) = (service_account_id is not null)),
    add foreign key (org_id, service_account_id) references tenant.service_account (org_id, id) on delete cascade;
  create index trust_of_service_account on tenant.trust (org_id, service_account_id) where service_account_id is not null;
  alter table tenant.workload_token
    drop constraint workload_token_org_id_trust_id_fkey,
    add foreign key (org_id, trust_id) references tenant.trust (org_id, id) on delete cascade;`;
