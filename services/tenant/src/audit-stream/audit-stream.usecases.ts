import { randomBytes, X509Certificate } from 'node:crypto';
import { AuditStreamKind } from '@truffle/api/tenant/v1/audit_stream';
import { appendEvent, databaseErrorCode, type Database } from '@truffle/database';
import { newId } from '@truffle/ids';
import {
  AlreadyExistsProblem,
  authorOf,
  InvalidProblem,
  NotFoundProblem,
  PreconditionProblem,
  type Caller,
} from '@truffle/kit';
import { OutgoingClient, OutgoingRefusedError } from '@truffle/outgoing';
import { readBounds } from '../audit/audit.repo.ts';
import type { TenantTables } from '../tables.ts';
import {
  deleteStream,
  findStream,
  insertStream,
  countStreams,
  updateStream,
  type AuditStreamRow,
} from './audit-stream.repo.ts';
import { sealTarget, withAddress } from './audit-stream.secret.ts';
import { deliver, DeliveryError, hostAndPort, type DeliveryParts } from './deliver.ts';

export interface AuditStreamParts extends DeliveryParts {
  /** As `svc_ledger_reader`. */
  readonly events: Pick<Database<TenantTables>, 'tenant'>;
  /** Has the streams looked after now. */
  readonly wake: () => void;
}

const mostStreams = 5;

export interface Wanted {
  readonly name: string;
  readonly kind: AuditStreamKind;
  readonly address: string;
  readonly caPem: string;
}

/** @throws InvalidProblem for an address or certificate of a wrong form, AlreadyExistsProblem, PreconditionProblem when there are too many */
export async function createStream(
  parts: AuditStreamParts,
  caller: Caller,
  wanted: Wanted,
): Promise<{ readonly row: AuditStreamRow; readonly secret: string }> {
  checkTarget(parts, wanted);
  const { orgId } = caller;
  const { newest } = await parts.events.tenant(orgId, readBounds);
  const id = newId('ast');
  const secret = wanted.kind === AuditStreamKind.WEBHOOK ? `whsec_${randomBytes(24).toString('base64')}` : '';
  const row = await parts.tenants
    .tenant(orgId, async (tx) => {
      if ((await countStreams(tx)) >= mostStreams)
        throw new PreconditionProblem(
          'TOO_MANY_STREAMS',
          `an organization has ${mostStreams} streams at most; delete one first`,
        );
      const target = { address: wanted.address, secret };
      const sealed = await sealTarget(parts.secrets, tx, { org_id: orgId, id, kind: wanted.kind }, target);
      const made = await insertStream(tx, {
        org_id: orgId,
        id,
        name: wanted.name,
        kind: wanted.kind,
        ca_pem: wanted.caPem,
        ...sealed,
        old_sealed_secret: null,
        disabled_at: null,
        cursor_n: String(newest),
        failing_since: null,
        last_delivered_at: null,
        created_at: parts.now(),
      });
      const after = { name: wanted.name, kind: AuditStreamKind[wanted.kind], address: hostOf(wanted) };
      await appendEvent(tx, authorOf(caller), { orgId, name: 'audit_stream.created', resourceId: id, data: { after } });
      return { ...made, address: wanted.address };
    })
    .catch((error: unknown) => {
      throw databaseErrorCode(error) === '23505' ? new AlreadyExistsProblem('audit stream', wanted.name) : error;
    });
  return { row, secret };
}

/** Sends a ping. What the receiver did is the answer, not an error. @throws NotFoundProblem */
export async function testStream(parts: AuditStreamParts, caller: Caller, id: string): Promise<string | undefined> {
  const row = await parts.tenants.tenant(caller.orgId, (tx) => findStream(tx, id));
  if (row === undefined) throw new NotFoundProblem('audit stream', id);
  try {
    await deliver(parts, row, []);
    return undefined;
  } catch (error) {
    if (error instanceof DeliveryError) return error.message;
    throw error;
  }
}

/** Has a disabled stream go on after its cursor, and a failing one try at once. @throws NotFoundProblem */
export async function resumeStream(parts: AuditStreamParts, caller: Caller, id: string): Promise<AuditStreamRow> {
  const { orgId } = caller;
  const row = await parts.tenants.tenant(orgId, async (tx) => {
    const before = await findStream(tx, id);
    const fresh = { disabled_at: null, failures: 0, failing_since: null, next_try_at: parts.now() };
    const after = await updateStream(tx, { org_id: orgId, id }, fresh);
    if (before === undefined || after === undefined) throw new NotFoundProblem('audit stream', id);
    const state = before.disabled_at === null ? 'ACTIVE' : 'DISABLED';
    const data = { before: { state }, after: { state: 'ACTIVE' } };
    await appendEvent(tx, authorOf(caller), { orgId, name: 'audit_stream.resumed', resourceId: id, data });
    return withAddress(parts.secrets, tx, after);
  });
  parts.wake();
  return row;
}

/** @throws NotFoundProblem */
export async function endStream(parts: AuditStreamParts, caller: Caller, id: string): Promise<void> {
  const { orgId } = caller;
  await parts.tenants.tenant(orgId, async (tx) => {
    const row = await deleteStream(tx, id);
    if (row === undefined) throw new NotFoundProblem('audit stream', id);
    const data = { before: { name: row.name, cursor: row.cursor_n } };
    await appendEvent(tx, authorOf(caller), { orgId, name: 'audit_stream.deleted', resourceId: id, data });
  });
}

/** The host only: a webhook's path may be a secret. */
const hostOf = ({ kind, address }: Wanted): string =>
  kind === AuditStreamKind.WEBHOOK ? new URL(address).host : address;

function checkTarget(parts: AuditStreamParts, { kind, address, caPem }: Wanted): void {
  const wrong = (field: string, description: string): InvalidProblem =>
    new InvalidProblem([{ field: `target.${field}`, description }]);
  if (kind === AuditStreamKind.WEBHOOK)
    try {
      const url = new OutgoingClient({ allow: parts.outgoingAllow }).check(address);
      if (url.protocol !== 'https:') throw wrong('address', 'must begin with https://');
    } catch (error) {
      throw error instanceof OutgoingRefusedError ? wrong('address', error.message) : error;
    }
  else {
    const { host, port } = hostAndPort(address);
    if (host === '' || port === 0) throw wrong('address', 'must be host:port, e.g. logs.example.com:6514');
  }
  if (caPem !== '' && !isCertificate(caPem)) throw wrong('ca_pem', 'is no certificate in PEM');
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}
