/** Invitations to roles of the organization's own. No foreign key: an invitation that ended keeps no role from being deleted. */
export const invitedRoleMigration = `
  alter table tenant.invitation
    drop constraint invitation_role_check,
    add check (role between 0 and 5),
    add column role_id text,
    add check ((role = 0) = (role_id is not null));`;
