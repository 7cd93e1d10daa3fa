/** What is still to be erased; and what it takes to delete an account. */
export const erasureMigration = `
  create table tenant.erasure (
    subject text not null,
    -- The organization; empty for everywhere.
    within text not null,
    asked_at timestamptz not null,
    next_at timestamptz not null,
    primary key (subject, within)
  );
  create index erasure_due on tenant.erasure (next_at);
  grant select, insert, update, delete on tenant.erasure to svc_identity;
  grant insert, update (asked_at, next_at), select on tenant.erasure to svc_tenant;
  grant delete on tenant.user to svc_identity;`;
