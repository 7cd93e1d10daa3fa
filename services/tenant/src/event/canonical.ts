import { createHash } from 'node:crypto';
import type { EventRecord } from './event.repo.ts';

/** What an organization's chain begins with, in the place of the hash before its first event. */
export const chainStart: Buffer = Buffer.alloc(32);

/**
 * JSON in one form only (RFC 8785): keys sorted by UTF-16 code units, no white space, numbers as ECMAScript prints an IEEE 754 double.
 * Whoever verifies a chain needs this function and SHA-256, nothing else.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  const sorted = entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([key, each]) => `${JSON.stringify(key)}:${canonicalJson(each)}`).join(',')}}`;
}

/** h_n = SHA-256(h_(n-1) ‖ canonical JSON of the event with its number, as stored). */
export const chainHash = (before: Buffer, event: EventRecord): Buffer =>
  createHash('sha256').update(before).update(canonicalJson(event)).digest();
