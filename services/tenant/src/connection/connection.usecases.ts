import { Role } from '@truffle/api/tenant/v1/account';
import { appendEvent, type NewEvent, type Transaction } from '@truffle/database';
import { newId } from '@truffle/ids';
import { authorOf, bells, InvalidProblem, NotFoundProblem, StaleRevisionProblem, type Caller } from '@truffle/kit';
import { demandVerified } from '../account/person.usecases.ts';
import { resolveScopes } from '../identity/scope.usecases.ts';
import type { TenantParts } from '../parts.ts';
import { placeIn, sealedColumns } from '../secret/secret.columns.ts';
import type { TenantTables } from '../tables.ts';
import {
  deleteConnection,
  findConnection,
  insertConnection,
  updateConnection,
  type ConnectionRow,
} from './connection.repo.ts';
import type { Mapping } from './mapping.ts';

export interface WantedConnection {
  readonly name: string;
  readonly issuer: string;
  readonly clientId: string;
  /** Empty for none, and in a change for the one that is there. */
  readonly clientSecret: string;
  readonly scopes: readonly string[];
  readonly mappings: readonly Mapping[];
  readonly bearer: boolean;
}

const usualScopes = ['email', 'profile'];

/** Where a connection's secret lies. */
const placeOf = (id: string) => placeIn(sealedColumns.clientSecret, id);

/** @throws InvalidProblem for an issuer that may not be asked, or a place that is not in the organization */
export async function createConnection(
  parts: TenantParts,
  caller: Caller,
  wanted: WantedConnection,
): Promise<ConnectionRow> {
  await demandVerified(parts, caller);
  const id = newId('con');
  const checked = await check(parts, caller, wanted);
  return parts.tenants.tenant(caller.orgId, async (tx) => {
    const sealed = wanted.clientSecret === '' ? null : await seal(parts, tx, caller.orgId, id, wanted.clientSecret);
    const fresh = { org_id: caller.orgId, id, enabled: true, created_at: parts.now(), sealed_secret: sealed };
    await insertConnection(tx, { ...fresh, ...checked });
    await appendEvent(tx, authorOf(caller), { ...eventOf(caller, id, 'connection.created'), data: dataOf(wanted) });
    return { ...fresh, ...checked, mappings: wanted.mappings, scopes: checked.scopes, revision: '1' };
  });
}

/** @throws NotFoundProblem, StaleRevisionProblem, InvalidProblem */
export async function changeConnection(
  parts: TenantParts,
  caller: Caller,
  id: string,
  wanted: WantedConnection & { readonly enabled: boolean; readonly revision: bigint },
): Promise<ConnectionRow> {
  const checked = await check(parts, caller, wanted);
  const row = await parts.tenants.tenant(caller.orgId, async (tx) => {
    const before = await findConnection(tx, id);
    if (before === undefined) throw new NotFoundProblem('connection', id);
    if (BigInt(before.revision) !== wanted.revision)
      throw new StaleRevisionProblem('connection', id, wanted.revision, BigInt(before.revision));
    // Another issuer names other people by the same ids: who was linked is not who comes now.
    if (before.issuer !== wanted.issuer)
      throw new InvalidProblem([
        { field: 'issuer', description: 'stays as it is: delete the connection and make another', reason: 'IMMUTABLE' },
      ]);
    const sealed =
      wanted.clientSecret === '' ? before.sealed_secret : await seal(parts, tx, caller.orgId, id, wanted.clientSecret);
    const after = await updateConnection(tx, id, { ...checked, enabled: wanted.enabled, sealed_secret: sealed });
    const data = { before: dataOf(plainOf(before)), after: { ...dataOf(wanted), enabled: wanted.enabled } };
    await appendEvent(tx, authorOf(caller), { ...eventOf(caller, id, 'connection.updated'), data });
    return after;
  });
  parts.bell.ring(bells.identity);
  return row;
}

/** Deletes a connection with its domains and links; what it gave to people goes with it. @throws NotFoundProblem */
export async function removeConnection(parts: TenantParts, caller: Caller, id: string): Promise<void> {
  await parts.tenants.tenant(caller.orgId, async (tx) => {
    const before = await findConnection(tx, id);
    if (before === undefined) throw new NotFoundProblem('connection', id);
    await tx.deleteFrom('tenant.role_binding').where('connection_id', '=', id).execute();
    await deleteConnection(tx, id);
    const data = { before: dataOf(plainOf(before)) };
    await appendEvent(tx, authorOf(caller), { ...eventOf(caller, id, 'connection.deleted'), data });
  });
  parts.bell.ring(bells.identity);
}

/** The client's secret; undefined for a public client. */
export async function secretOf(parts: TenantParts, row: ConnectionRow): Promise<string | undefined> {
  const sealed = row.sealed_secret;
  if (sealed === null) return undefined;
  const opened = await parts.tenants.tenant(row.org_id, (tx) =>
    parts.envelope.open(tx, row.org_id, placeOf(row.id), sealed),
  );
  return opened.toString();
}

async function check(parts: TenantParts, caller: Caller, wanted: WantedConnection) {
  parts.issuers.demandUrl(wanted.issuer, 'issuer');
  const places = new Set(
    (
      await resolveScopes(
        parts,
        caller.orgId,
        wanted.mappings.map((m) => m.scopeId),
      )
    ).map((c) => c.scopeId),
  );
  const wrong = wanted.mappings.findIndex((m) => !places.has(m.scopeId));
  if (wrong >= 0)
    throw new InvalidProblem([
      { field: `mappings[${wrong}].scope_id`, description: 'is not a place in the organization', reason: 'NOT_FOUND' },
    ]);
  const owner = wanted.mappings.findIndex((m) => m.role === Role.OWNER);
  if (owner >= 0)
    throw new InvalidProblem([
      { field: `mappings[${owner}].role`, description: 'owners are made by owners, not by claims', reason: 'OWNER' },
    ]);
  const scopes = [...new Set(['openid', ...(wanted.scopes.length === 0 ? usualScopes : wanted.scopes)])];
  return {
    name: wanted.name,
    issuer: wanted.issuer,
    client_id: wanted.clientId,
    scopes,
    mappings: JSON.stringify(wanted.mappings),
    bearer: wanted.bearer,
  };
}

const seal = (parts: TenantParts, tx: Transaction<TenantTables>, orgId: string, id: string, secret: string) =>
  parts.envelope.seal(tx, orgId, placeOf(id), secret);

const plainOf = (row: ConnectionRow): Omit<WantedConnection, 'clientSecret'> => ({ ...row, clientId: row.client_id });

/** What the audit trail says of a connection: never its secret. */
const dataOf = ({ name, issuer, clientId, scopes, mappings, bearer }: Omit<WantedConnection, 'clientSecret'>) => ({
  name,
  issuer,
  clientId,
  scopes: [...scopes],
  bearer,
  mappings: mappings.map((m) => ({ ...m, role: Role[m.role] })),
});

const eventOf = (caller: Caller, id: string, name: string): NewEvent => ({
  orgId: caller.orgId,
  name,
  resourceId: id,
  data: {},
});
