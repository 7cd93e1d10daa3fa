/** Version of the tables below; a journal of another version is refused, not guessed at. */
export const schemaVersion = 1;

/**
 * meta    one row: who the agent is and how far it got
 * inbox   commands from their acceptance until the gateway says that it has their end
 * step    what a command intended, and what it then observed
 * fence   the highest fence seen for each resource; never lowered
 * secret  secrets made on this site; never sent anywhere
 */
export const schema = `
CREATE TABLE meta(
  one INTEGER PRIMARY KEY CHECK (one = 1),
  incarnation TEXT NOT NULL,
  boot_no INTEGER NOT NULL,
  lsn INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  continuity BLOB NOT NULL,
  endpoints TEXT NOT NULL
) STRICT;
CREATE TABLE inbox(
  id TEXT PRIMARY KEY,
  lsn INTEGER NOT NULL,
  resource_key TEXT NOT NULL,
  fence INTEGER NOT NULL,
  payload BLOB NOT NULL,
  payload_sha256 BLOB NOT NULL,
  run_timeout_ms INTEGER NOT NULL,
  needs_permit INTEGER NOT NULL,
  traceparent TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('accepted', 'running', 'ended')),
  permit_no INTEGER NOT NULL,
  result BLOB,
  CHECK ((state = 'ended') = (result IS NOT NULL))
) STRICT;
CREATE TABLE step(
  command_id TEXT NOT NULL REFERENCES inbox(id) ON DELETE CASCADE,
  no INTEGER NOT NULL,
  name TEXT NOT NULL,
  handle TEXT NOT NULL,
  observed TEXT,
  PRIMARY KEY (command_id, no),
  UNIQUE (command_id, name)
) STRICT;
CREATE TABLE fence(resource_key TEXT PRIMARY KEY, max INTEGER NOT NULL) STRICT;
CREATE TABLE secret(cluster_id TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (cluster_id, name)) STRICT;
PRAGMA user_version = ${schemaVersion};
`;

/**
 * Tables that later programs added. Each is made where it is missing, whatever the version: an older program leaves it alone.
 * deletion        when a command began to delete; kept for a day
 * sealed_version  the highest version seen of each sealed secret; never lowered
 * declared        servers that are to run, as they were last asked for
 * kept            what the agent did for that by itself, until a gateway has noted it
 * watched         health checks of declared servers that have a remedy, as their deployments left them
 * remedying       what is remembered of the remedies of a server
 * reservation     numbers that VMs are being made on, by command, until one is a whole server's or nobody's
 * unwanted        since when a VM was seen that nobody wants
 */
export const additions = `
CREATE TABLE IF NOT EXISTS deletion(command_id TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS sealed_version(secret_id TEXT PRIMARY KEY, max INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS declared(resource_key TEXT PRIMARY KEY, fence INTEGER NOT NULL, payload BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS kept(
  n INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  resource_key TEXT NOT NULL,
  server_id TEXT NOT NULL,
  outcome TEXT NOT NULL,
  detail TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS watched(
  resource_key TEXT NOT NULL,
  deployment TEXT NOT NULL,
  watch TEXT NOT NULL,
  PRIMARY KEY (resource_key, deployment)
) STRICT;
CREATE TABLE IF NOT EXISTS remedying(resource_key TEXT PRIMARY KEY, server_id TEXT NOT NULL, state TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS reservation(
  n INTEGER PRIMARY KEY,
  vmid INTEGER NOT NULL,
  server_id TEXT NOT NULL,
  command_id TEXT NOT NULL,
  UNIQUE (vmid, server_id, command_id)
) STRICT;
CREATE TABLE IF NOT EXISTS unwanted(vmid INTEGER PRIMARY KEY, server_id TEXT NOT NULL, since INTEGER NOT NULL) STRICT;
`;
