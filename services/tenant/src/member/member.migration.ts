import { allowEverywhere, tenantTable } from '@truffle/database';

/** When an organization ended a member's sessions. `svc_identity` reads them all, as whose a session is is asked before a tenant is known. */
export const memberMigration = `
  create table tenant.member (
    org_id text not null references tenant.organization,
    user_id text not null,
    proof_after timestamptz not null,
    primary key (org_id, user_id)
  );
  create index member_of_user on tenant.member (user_id);
  ${tenantTable('tenant.member', 'svc_identity', 'select, insert, update')}
  ${allowEverywhere('tenant.member', 'svc_identity', 'select')}`;
