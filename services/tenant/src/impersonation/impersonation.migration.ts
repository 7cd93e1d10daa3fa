/** Sessions in which somebody acts as a member of their organization: for that alone, and no longer than the session that opened it. */
export const impersonationMigration = `
  alter table tenant.session
    add column acting_id text references tenant.user,
    add column acting_session_id text,
    add check ((acting_id is null) = (acting_session_id is null)),
    add check (acting_id is null or (confined_to is not null and acting_id <> user_id));`;
