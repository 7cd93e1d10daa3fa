import { cpSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { foundIn } from './canary.fixture.ts';

/** A message, a row or a history with its bytes as they are. */
export const texted = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner === 'bigint') return String(inner);
    if (inner instanceof Uint8Array) return Buffer.from(inner).toString('latin1');
    const buffer = inner as { type?: unknown; data?: unknown } | null;
    if (buffer?.type === 'Buffer' && Array.isArray(buffer.data))
      return Buffer.from(buffer.data as number[]).toString('latin1');
    return inner;
  }) ?? '';

/** The journal of an agent that has ended, opened on a copy. */
export function copyOfJournal(dataDir: string, copy: string): DatabaseSync {
  cpSync(dataDir, copy, { recursive: true });
  return new DatabaseSync(join(copy, 'journal.db'));
}

/** Everything but the table that is there to hold secrets. */
export function journalText(journal: DatabaseSync): string {
  const tables = journal.prepare(`select name from sqlite_master where type = 'table' and name <> 'secret'`).all();
  return tables.map(({ name }) => texted(journal.prepare(`select * from "${String(name)}"`).all())).join('\n');
}

/** Every row of every table that is not PostgreSQL's own. */
export async function dump(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`,
    );
    const parts: string[] = [];
    for (const { name } of rows) parts.push(`${name} ${texted((await client.query(`select * from ${name}`)).rows)}`);
    return parts.join('\n');
  } finally {
    await client.end();
  }
}

/** The same as PostgreSQL writes a row itself, bytes in hex; with what it knows of its roles. */
export async function dumpAsText(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      `select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where c.relkind in ('r', 'p', 'm') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')`,
    );
    const parts: string[] = [];
    for (const name of [...rows.map((row) => row.name), 'pg_catalog.pg_authid']) {
      const read = await client.query<{ text: string | null }>(
        `select string_agg(t::text, chr(10)) as text from ${name} t`,
      );
      parts.push(`${name} ${read.rows[0]?.text ?? ''}`);
    }
    return parts.join('\n');
  } finally {
    await client.end();
  }
}

export function filesIn(path: string): string {
  return everyFile(path)
    .map((file) => read(file))
    .join('\n');
}

/** The same for what is too large to be one text: where which secret stands. */
export const foundInFiles = (path: string, secrets: Readonly<Record<string, string>>): string[] =>
  everyFile(path).flatMap((file) => foundIn(read(file), secrets).map((found) => `${file}: ${found}`));

/** How much there is to read. */
export const bytesIn = (path: string): number => everyFile(path).reduce((sum, file) => sum + read(file).length, 0);

function everyFile(path: string): string[] {
  if (statSync(path).isFile()) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true, encoding: 'utf8' })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Engines remove files while they are being read. */
function read(file: string): string {
  try {
    return readFileSync(file).toString('latin1');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
}

/** What a URL answers, its status and its headers with it. `body` is sent as JSON. */
export async function answerOf(url: string, credential: string, body?: string): Promise<string> {
  const response = await fetch(url, {
    signal: AbortSignal.timeout(15_000),
    headers: {
      ...(credential === '' ? {} : { authorization: `Bearer ${credential}` }),
      'content-type': 'application/json',
    },
    ...(body === undefined ? {} : { method: 'POST', body }),
  });
  return `${response.status} ${JSON.stringify([...response.headers])} ${await response.text()}`;
}
