import { createHash } from 'node:crypto';
import type { CommandRun } from '../command/effect.ts';
import { upidOf } from './api.ts';
import { attempt } from './attempt.ts';
import { type PveClient, formUpload } from './client.ts';
import { numberOf, rowsOf, textOf } from './json.ts';
import type { PveSite } from './site.ts';
import { waitForTask } from './task.ts';

/** A file on a storage. */
export interface Volume {
  /** Such as `local:iso/name.iso`. */
  readonly volid: string;
  readonly bytes: number;
}

/** Files of one kind on a storage, as that node sees it. @throws PveError */
export async function listVolumes(
  client: PveClient,
  at: { readonly node: string; readonly storage: string },
  content: 'iso' | 'import',
  signal: AbortSignal,
): Promise<readonly Volume[]> {
  const rows = rowsOf(await client.get(`${storagePath(at)}/content`, { content }, { node: at.node, signal }));
  return rows.map((row) => ({ volid: textOf(row, 'volid'), bytes: numberOf(row, 'size') }));
}

/**
 * Has the image be on the storage. Its name says what is in it, so one of that name and size is not sent again.
 * @returns its volume
 * @throws PveError, PveTaskError
 */
export async function ensureUploaded(
  site: PveSite,
  run: CommandRun,
  at: { readonly node: string; readonly storage: string },
  name: string,
  bytes: Buffer,
): Promise<string> {
  const volid = `${at.storage}:iso/${name}`;
  const { client } = site.api;
  await attempt(run, {
    done: async () =>
      (await listVolumes(client, at, 'iso', run.signal)).some(
        (each) => each.volid === volid && each.bytes === bytes.length,
      ),
    act: async () => {
      run.progress('seed', `uploading ${name} to ${at.storage}`);
      const path = `${storagePath(at)}/upload`;
      const fields = {
        content: 'iso',
        'checksum-algorithm': 'sha256',
        checksum: createHash('sha256').update(bytes).digest('hex'),
      };
      const answer = await client.upload(path, formUpload(fields, name, bytes), { node: at.node, signal: run.signal });
      await waitForTask(client, upidOf(answer, `POST ${path}`), run.signal);
    },
  });
  return volid;
}

/** Removes a file of a storage; one that is gone already is no failure of the task. @throws PveError, PveTaskError */
export async function removeVolume(
  client: PveClient,
  at: { readonly node: string; readonly storage: string },
  volid: string,
  signal: AbortSignal,
): Promise<void> {
  const path = `${storagePath(at)}/content/${encodeURIComponent(volid)}`;
  const answer = await client.delete(path, {}, { node: at.node, signal });
  // Versions that remove at once answer with no task.
  if (answer !== null) await waitForTask(client, upidOf(answer, `DELETE ${path}`), signal);
}

/** `/nodes/<node>/storage/<storage>`. */
export function storagePath({ node, storage }: { readonly node: string; readonly storage: string }): string {
  return `/nodes/${encodeURIComponent(node)}/storage/${encodeURIComponent(storage)}`;
}
