import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { memoryFiles } from './places.ts';
import { removeDurably, writeDurably } from '../durable.ts';

/** How the newest update ended. */
export interface Ending {
  readonly from: string;
  readonly to: string;
  /** `unproven`: the version before did not get ready either, so nothing is known of the new one. */
  readonly outcome: 'updated' | 'rolled back' | 'unproven' | 'refused';
  /** One sentence. */
  readonly reason: string;
  /** ISO 8601. */
  readonly at: string;
}

/** A version that was tried and did not get ready where the one before does. It is not tried again. */
export interface BadVersion {
  readonly version: string;
  readonly reason: string;
  readonly at: string;
}

/** What root remembers of updates. Everybody may read it, and only root write. */
export interface UpdateRecord {
  readonly last?: Ending;
  readonly bad: readonly BadVersion[];
}

/** An update that was begun. */
export interface Trying {
  readonly from: string;
  readonly to: string;
}

const mostBad = 32;

export function readRecord(memory: string): UpdateRecord {
  const path = join(memory, memoryFiles.record);
  if (!existsSync(path)) return { bad: [] };
  return JSON.parse(readFileSync(path, 'utf8')) as UpdateRecord;
}

export function writeRecord(memory: string, last: Ending): void {
  const before = readRecord(memory);
  const isBad = last.outcome === 'rolled back';
  const others = before.bad.filter(({ version }) => version !== last.to);
  const bad = isBad ? [...others, { version: last.to, reason: last.reason, at: last.at }].slice(-mostBad) : before.bad;
  mkdirSync(memory, { recursive: true, mode: 0o755 });
  writeDurably(join(memory, memoryFiles.record), `${JSON.stringify({ last, bad }, null, 2)}\n`, 0o644);
}

export function readTrying(memory: string): Trying | undefined {
  const path = join(memory, memoryFiles.trying);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Trying) : undefined;
}

export function writeTrying(memory: string, trying: Trying): void {
  mkdirSync(memory, { recursive: true, mode: 0o755 });
  writeDurably(join(memory, memoryFiles.trying), JSON.stringify(trying), 0o644);
}

export const clearTrying = (memory: string): void => removeDurably(join(memory, memoryFiles.trying));
