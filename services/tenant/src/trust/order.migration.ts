/** Indexes for the orders of trusts, invitations and domains that they had none for, with the tie-breaker (see the repositories' orderings). */
export const accessOrderMigration = `
  create index trust_by_name on tenant.trust (org_id, name, id);
  create index trust_by_issuer on tenant.trust (org_id, issuer, id);
  create index invitation_by_email on tenant.invitation (org_id, email, id);
  create index invitation_by_end on tenant.invitation (org_id, expires_at, id);
  create index domain_by_proof on tenant.domain (org_id, coalesce(verified_at, 'infinity'::timestamptz), domain);`;
