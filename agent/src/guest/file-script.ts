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
  /** The path that could not be written; undefined when all are in place. */
  readonly failed: string | undefined;
}

/**
 * One script that brings all files into place: what has the content already is left, the rest is written beside its place, synced, and renamed.
 * It also tells what the notified steps last ran for. Safe to run again.
 */
export function filesScript(
  deployment: string,
  files: readonly RenderedFile[],
  steps: readonly RenderedStep[],
): string {
  const notified = steps
    .filter((step) => step.onChangeOf !== undefined)
    .map((step) => notifiedFile(deployment, step.name));
  return [
    'umask 022',
    ...files.map(fileBlock),
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
  return { changed, notified: Object.fromEntries(notified), failed: failed ?? (done ? undefined : '') };
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

function fileBlock(file: RenderedFile, at: number): string {
  const path = quote(file.path);
  const draft = quote(`${file.path}.truffle-new`);
  const folder = quote(file.path.slice(0, file.path.lastIndexOf('/')) || '/');
  const place = `chown ${quote(file.owner)} ${draft} && chmod ${file.mode} ${draft} && sync ${draft} && mv -f ${draft} ${path}`;
  return [
    `if [ -f ${path} ] && [ "$(sha256sum < ${path} | cut -d ' ' -f 1)" = ${sha256(file.content)} ]; then`,
    `  chown ${quote(file.owner)} ${path} && chmod ${file.mode} ${path} || { echo "failed ${at}"; exit 1; }`,
    'else',
    `  mkdir -p ${folder} && touch ${draft} && chmod 600 ${draft} || { echo "failed ${at}"; exit 1; }`,
    `  ${printing(file.content)} > ${draft} || { echo "failed ${at}"; exit 1; }`,
    `  ${place} || { rm -f ${draft}; echo "failed ${at}"; exit 1; }`,
    `  echo "changed ${at}"`,
    'fi',
  ].join('\n');
}

function stepOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
