import { createHash } from 'node:crypto';
import type { RenderedFile, RenderedStep } from '@truffle/template-language';
import { printing, quote } from './quote.ts';

/** Where the digests are kept that notified steps last ran for. */
const notifiedDir = '/var/lib/truffle/notified';

/** What the guest answered about its files. */
export interface FilesOutcome {
  /** Paths that were written. */
  readonly changed: readonly string[];
  /** Digest that each notified step last ran for, by step; absent when it never ran. */
  readonly notified: Readonly<Record<string, string>>;
  /** The path that could not be written; undefined when none failed. */
  readonly failed: string | undefined;
  /** Places in the list of files that are to be uploaded first, as they are not in place and too large for a script. */
  readonly wanted: readonly number[];
}

/** Content beyond it travels by SFTP, in bytes: a script is held in memory by every shell that reads it. */
export const uploadFrom = 64 * 1024;

/** How files reach the guest that are too large for a script. */
export type Uploads =
  /** By place in the list of files, where on the guest its content lies now; who has none yet is to be uploaded. */
  | ReadonlyMap<number, string>
  /** The guest takes none: they are written by the script like the others. */
  | 'inline';

/**
 * One script that brings all files into place: what has the content already is left, the rest is written beside its place, synced, and renamed.
 * It also tells what the notified steps last ran for. Safe to run again.
 */
export function filesScript(
  deployment: string,
  files: readonly RenderedFile[],
  steps: readonly RenderedStep[],
  uploads: Uploads,
): string {
  const notified = steps
    .filter((step) => step.onChangeOf !== undefined)
    .map((step) => notifiedFile(deployment, step.name));
  const uploaded = uploads === 'inline' ? [] : [...uploads.values()];
  return [
    'umask 022',
    // However the script ends, what was uploaded for it is gone.
    ...(uploaded.length === 0 ? [] : [`trap ${quote(`rm -f ${uploaded.map(quote).join(' ')}`)} EXIT`]),
    ...files.map((file, at) => fileBlock(file, at, contentLines(file, at, uploads))),
    ...notified.map(
      (path) => `if [ -f ${quote(path)} ]; then echo "notified ${stepOf(path)} $(cat ${quote(path)})"; fi`,
    ),
    'echo done',
    '',
  ].join('\n');
}

/** Reads what the script printed. */
export function readFilesOutcome(stdout: string, files: readonly RenderedFile[]): FilesOutcome {
  const lines = stdout.split('\n').map((line) => line.split(' '));
  const changed = lines.flatMap(([word, at]) => (word === 'changed' ? [files[Number(at)]?.path ?? ''] : []));
  const notified = lines.flatMap(([word, step, digest]) =>
    word === 'notified' ? [[step ?? '', digest ?? ''] as const] : [],
  );
  const failedAt = lines.find(([word]) => word === 'failed')?.[1];
  const done = lines.some(([word]) => word === 'done');
  const failed = failedAt === undefined ? undefined : (files[Number(failedAt)]?.path ?? '');
  const wanted = lines.flatMap(([word, at]) => (word === 'wanted' ? [Number(at)] : []));
  return { changed, notified: Object.fromEntries(notified), failed: failed ?? (done ? undefined : ''), wanted };
}

/** Names what a notified step runs for: the files' paths and contents. */
export function notifiedDigest(files: readonly RenderedFile[], paths: readonly string[]): string {
  const own = files
    .filter((file) => paths.includes(file.path))
    .map((file) => [file.path, sha256(file.content), file.mode, file.owner]);
  return sha256(JSON.stringify(own));
}

/** Where a notified step's digest is kept on the guest. */
export function notifiedFile(deployment: string, step: string): string {
  return `${notifiedDir}/${deployment}/${step}`;
}

/** Shell that leaves the file's content in `$draft`, and ends the block early where it must be uploaded first. */
function contentLines(file: RenderedFile, at: number, uploads: Uploads): readonly string[] {
  const failed = `{ echo "failed ${at}"; exit 1; }`;
  if (uploads === 'inline' || Buffer.byteLength(file.content) <= uploadFrom)
    return [`  ${printing(file.content)} > "$draft" || ${failed}`];
  const upload = uploads.get(at);
  if (upload === undefined) return [];
  return [
    `  cat ${quote(upload)} > "$draft" || ${failed}`,
    `  [ "$(sha256sum < "$draft" | cut -d ' ' -f 1)" = ${sha256(file.content)} ] || { rm -f "$draft"; echo 'what arrived is not what was sent' >&2; echo "failed ${at}"; exit 1; }`,
  ];
}

/** @param content shell that writes the file's content; none when it is yet to be uploaded */
function fileBlock(file: RenderedFile, at: number, content: readonly string[]): string {
  const path = quote(file.path);
  const draft = '"$draft"';
  const folder = quote(file.path.slice(0, file.path.lastIndexOf('/')) || '/');
  const place = `chown ${quote(file.owner)} ${draft} && chmod ${file.mode} ${draft} && sync ${draft} && mv -f ${draft} ${path}`;
  const write = [
    `  mkdir -p ${folder} && touch ${draft} && chmod 600 ${draft} || { echo "failed ${at}"; exit 1; }`,
    ...content,
    `  ${place} || { rm -f ${draft}; echo "failed ${at}"; exit 1; }`,
    `  echo "changed ${at}"`,
  ];
  return [
    `draft=${quote(`${file.path}.truffle-new`)}`,
    `if [ -f ${path} ] && [ "$(sha256sum < ${path} | cut -d ' ' -f 1)" = ${sha256(file.content)} ]; then`,
    `  chown ${quote(file.owner)} ${path} && chmod ${file.mode} ${path} || { echo "failed ${at}"; exit 1; }`,
    'else',
    ...(content.length === 0 ? [`  echo "wanted ${at}"`] : write),
    'fi',
  ].join('\n');
}

function stepOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
