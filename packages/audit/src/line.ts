import type { Checkpoint } from './checkpoint.ts';
import type { PersonalData } from './person.ts';
import { recordFields, type AuditRecord } from './record.ts';

/** One line of an export: a record with its hash and the personal data it is committed to, or a checkpoint. */
export type ExportLine =
  | {
      readonly record: AuditRecord;
      /** In hex. */
      readonly hash: string;
      /** Null where there is none, or it was erased. */
      readonly personal: (PersonalData & { readonly salt: string }) | null;
    }
  | { readonly checkpoint: Checkpoint };

/** A line of an export is not one. */
export class ExportLineError extends Error {
  override readonly name = 'ExportLineError';
  readonly code = 'EXPORT_LINE';
}

const texts: readonly string[] = [
  'id',
  'org_id',
  'n',
  'type',
  'result',
  'resource_id',
  'actor_subject',
  'request_id',
  'visibility',
  'occurred_at',
];
const checkpointFields = ['kind', 'org_id', 'n', 'hash', 'at', 'key_id', 'signature'];
const number = /^(?:0|[1-9]\d{0,18})$/;
const hex = /^[0-9a-f]{64}$/;

/** Reads a line of an export. White space and the spelling of numbers do not matter. @throws ExportLineError */
export function readExportLine(text: string): ExportLine {
  const line = objectOf(parsed(text), 'the line');
  if ('checkpoint' in line) {
    only(line, ['checkpoint']);
    return { checkpoint: readCheckpoint(line['checkpoint']) };
  }
  only(line, ['record', 'hash', 'personal']);
  const record = objectOf(line['record'], 'record');
  only(record, recordFields);
  for (const field of recordFields) {
    const value = record[field];
    if (field === 'data') objectOf(value, 'data');
    else if (!(typeof value === 'string' || (value === null && !texts.includes(field))))
      throw new ExportLineError(`${field} is no text`);
  }
  if (!number.test(String(record['n']))) throw new ExportLineError('n is no number in digits');
  if (typeof line['hash'] !== 'string' || !hex.test(line['hash']))
    throw new ExportLineError('hash is no SHA-256 in hex');
  return { record: record as unknown as AuditRecord, hash: line['hash'], personal: readPersonal(line['personal']) };
}

/** @throws ExportLineError */
export function readCheckpoint(value: unknown): Checkpoint {
  const checkpoint = objectOf(value, 'checkpoint');
  only(checkpoint, checkpointFields);
  if (checkpointFields.some((field) => typeof checkpoint[field] !== 'string'))
    throw new ExportLineError('a checkpoint lacks a field');
  const { kind, n, hash } = checkpoint as Record<string, string>;
  if (!['head', 'start'].includes(kind ?? '') || !number.test(n ?? '') || !hex.test(hash ?? ''))
    throw new ExportLineError('a checkpoint has a field of a wrong form');
  return checkpoint as unknown as Checkpoint;
}

function readPersonal(value: unknown): (PersonalData & { readonly salt: string }) | null {
  if (value === null || value === undefined) return null;
  const personal = objectOf(value, 'personal');
  only(personal, ['salt', 'name', 'address', 'user_agent']);
  if (typeof personal['salt'] !== 'string') throw new ExportLineError('personal data without its salt');
  for (const field of ['name', 'address', 'user_agent'])
    if (typeof personal[field] !== 'string' && personal[field] !== null)
      throw new ExportLineError(`${field} is no text`);
  return personal as unknown as PersonalData & { salt: string };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ExportLineError('no JSON', { cause });
  }
}

function objectOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ExportLineError(`${what} is no object`);
  return value as Record<string, unknown>;
}

function only(value: Record<string, unknown>, fields: readonly string[]): void {
  for (const name of Object.keys(value))
    if (!fields.includes(name)) throw new ExportLineError(`a field ${JSON.stringify(name)} that no export has`);
}
