import type { ExportLine } from '@truffle/audit';

type RecordLine = Extract<ExportLine, { record: unknown }>;

/** Facility 13 is log audit. */
const facility = 13;
const informational = 6;
const warning = 4;
const procId = 'audit';

/** A record as an RFC 5424 message with its length before it (octet counting). The message is the record's line of an export. */
export function syslogFrame({ record, hash, personal }: RecordLine): string {
  const severity = record.result === 'OK' ? informational : warning;
  const parameters = {
    org: record.org_id,
    n: record.n,
    type: record.type,
    action: record.action ?? '',
    result: record.result,
    actor: record.actor_on_behalf_of ?? record.actor_subject,
    address: personal?.address ?? '',
    resource: record.resource_id,
  };
  // 32473 is the enterprise number of examples (RFC 5612): the product has none of its own.
  const structured = `[truffle@32473 ${Object.entries(parameters)
    .map(([name, value]) => `${name}="${value.replaceAll(/["\\\]]/g, (c) => `\\${c}`)}"`)
    .join(' ')}]`;
  return counted(severity, record.occurred_at, 'record', structured, JSON.stringify({ record, hash, personal }));
}

/** A message that only says that the way is open. */
export const syslogPing = (orgId: string, at: Date): string =>
  counted(informational, at.toISOString(), 'ping', `[truffle@32473 org="${orgId}"]`, 'ping');

function counted(severity: number, time: string, id: string, structured: string, message: string): string {
  const text = `<${facility * 8 + severity}>1 ${time} truffle truffle ${procId} ${id} ${structured} ${message}`;
  return `${Buffer.byteLength(text)} ${text}`;
}
