/** A proof gives a session another token; the one before stays for calls under way, as little trusted as it was. */
export const sessionTokenMigration = `
  alter table tenant.session
    add previous_sha256 bytea unique,
    add previous_until timestamptz,
    add previous_authenticated_at timestamptz,
    add check ((previous_sha256 is null) = (previous_until is null)),
    add check ((previous_sha256 is null) = (previous_authenticated_at is null));
  grant update (secret_sha256, previous_sha256, previous_until, previous_authenticated_at) on tenant.session to svc_identity;`;
