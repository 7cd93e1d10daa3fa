import { once } from 'node:events';
import type { ExportLine } from '@truffle/audit';
import { AuditStreamKind } from '@truffle/api/tenant/v1/audit_stream';
import type { Database } from '@truffle/database';
import { OutgoingClient, OutgoingFailedError, OutgoingRefusedError } from '@truffle/outgoing';
import type { AuditStreamRow } from './audit-stream.repo.ts';
import { openTarget, type StreamSecrets, type StreamTarget } from './audit-stream.secret.ts';
import type { TenantTables } from '../tables.ts';
import { syslogFrame, syslogPing } from './syslog.ts';
import { webhookHeaders } from './webhook.ts';

export type RecordLine = Extract<ExportLine, { record: unknown }>;

export interface DeliveryParts {
  /** What may be reached though it is not public. */
  readonly outgoingAllow: readonly string[];
  readonly secrets: StreamSecrets;
  /** As `svc_tenant`. */
  readonly tenants: Database<TenantTables>;
  readonly now: () => Date;
}

/** A receiver did not take what it was sent. The message is for the organization: it says nothing of what is inside. */
export class DeliveryError extends Error {
  override readonly name = 'DeliveryError';
}

const deadlineMs = 10_000;

/** Sends `lines` (none is a ping) in one go. Resolves when the receiver has them. @throws DeliveryError */
export async function deliver(
  parts: DeliveryParts,
  stream: AuditStreamRow,
  lines: readonly RecordLine[],
  signal?: AbortSignal,
): Promise<void> {
  const target = await parts.tenants.tenant(stream.org_id, (tx) => openTarget(parts.secrets, tx, stream));
  const ca = stream.ca_pem === '' ? {} : { ca: [stream.ca_pem] };
  const client = new OutgoingClient({ allow: parts.outgoingAllow, ...ca });
  const timeout = AbortSignal.timeout(deadlineMs);
  const within = signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
  try {
    if (stream.kind === AuditStreamKind.WEBHOOK) await post(parts, client, { ...stream, ...target }, lines, within);
    else await write(parts, client, stream, lines, within);
  } catch (error) {
    if (error instanceof OutgoingFailedError || error instanceof OutgoingRefusedError)
      throw new DeliveryError(error.message, { cause: error });
    throw error;
  }
}

async function post(
  parts: DeliveryParts,
  client: OutgoingClient,
  stream: AuditStreamRow & StreamTarget,
  lines: readonly RecordLine[],
  signal: AbortSignal,
): Promise<void> {
  const [first, last] = [lines[0]?.record.n ?? 'ping', lines.at(-1)?.record.n ?? String(parts.now().getTime())];
  const type = lines.length === 0 ? 'dev.truffle.audit.ping.v1' : 'dev.truffle.audit.batch.v1';
  const body = JSON.stringify({
    type,
    timestamp: parts.now().toISOString(),
    data: { orgId: stream.org_id, records: lines },
  });
  // The same records have the same id, so that a receiver knows what it has had.
  const headers = webhookHeaders(stream.secret, `${stream.id}-${first}-${last}`, parts.now(), body);
  const answer = await client.request(stream.address, {
    method: 'POST',
    headers,
    body,
    signal,
    timeoutMs: deadlineMs,
    maxBytes: 65_536,
  });
  if (answer.status < 200 || answer.status > 299)
    throw new DeliveryError(`the receiver answered with status ${answer.status}`);
}

/** Syslog has no answer: what was sent is there when the receiver has closed its side in peace. */
async function write(
  parts: DeliveryParts,
  client: OutgoingClient,
  stream: AuditStreamRow,
  lines: readonly RecordLine[],
  signal: AbortSignal,
): Promise<void> {
  const { host, port } = hostAndPort(stream.address);
  const isSecure = stream.kind === AuditStreamKind.SYSLOG_TLS;
  const socket = await client.connect(host, port, isSecure, signal);
  const stop = (): void => void socket.destroy(new Error('given up'));
  signal.addEventListener('abort', stop);
  try {
    const ended = once(socket, 'close');
    socket.resume();
    socket.end(lines.length === 0 ? syslogPing(stream.org_id, parts.now()) : lines.map(syslogFrame).join(''));
    await ended;
  } catch (cause) {
    throw new DeliveryError('the receiver broke the connection off, or did not take everything in time', { cause });
  } finally {
    signal.removeEventListener('abort', stop);
    socket.destroy();
  }
}

/** `host:port` in parts; port 0 when it is none. */
export function hostAndPort(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(':');
  const port = /^\d{1,5}$/.test(address.slice(colon + 1)) ? Number(address.slice(colon + 1)) : 0;
  return { host: address.slice(0, Math.max(0, colon)).replace(/^\[|\]$/g, ''), port: port > 65_535 ? 0 : port };
}
