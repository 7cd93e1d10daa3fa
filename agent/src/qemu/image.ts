import { createHash } from 'node:crypto';
import { createWriteStream, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { create } from '@bufbuild/protobuf';
import { CommandOutputSchema, Effect, Outcome } from '@truffle/api/agent/v1/command';
import type { ImportImage } from '@truffle/api/agent/v1/site_command';
import { Disks, imageFileName, imageText, readImage } from '@truffle/qemu';
import type { CommandEnd, CommandRun } from '../command/effect.ts';
import { DecodedFailure } from '../command/failure.ts';
import { journalled } from '../pve/step.ts';
import { requireImport } from './image-check.ts';
import type { QemuSite } from './site.ts';

/** Larger than any cloud image; a server that sends for ever fills no disk. */
const mostBytes = 64 * 2 ** 30;
const formats = ['qcow2', 'raw'] as const;

/**
 * Makes an image exist that servers are made from: a disk that boots by itself, downloaded with its checksum. It lies in a folder named after
 * image and checksum, whole or not at all.
 * @throws DecodedFailure, QemuError, or the run's signal's reason
 */
export async function importImage(site: QemuSite, run: CommandRun, spec: ImportImage): Promise<CommandEnd> {
  requireImport(site, spec);
  const folder = join(site.imageFolder, `${spec.image}-${spec.checksum.toLowerCase().slice(0, 16)}`);
  if (!existsSync(join(folder, imageFileName))) {
    await journalled(run, 'import', { image: spec.image }, async () => {
      await build(site, run, spec, folder);
      return { image: spec.image };
    });
  }
  site.addImage(spec.image, folder);
  run.progress('ready', `${spec.image} can be named by templates`);
  const { diskBytes } = readImage(folder);
  const value = { image: spec.image, vmid: spec.vmid, node: site.node, diskBytes: BigInt(diskBytes) };
  return {
    outcome: Outcome.SUCCEEDED,
    effect: Effect.FULL,
    output: create(CommandOutputSchema, { output: { case: 'image', value } }),
  };
}

async function build(site: QemuSite, run: CommandRun, spec: ImportImage, folder: string): Promise<void> {
  const draft = `${folder}.new`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true, mode: 0o700 });
  try {
    const [loaded, disk] = [join(draft, 'download'), join(draft, 'disk.qcow2')];
    run.progress('download', `downloading ${spec.image}`);
    await download(spec, loaded, run.signal);
    const disks = new Disks(site.programs().img, run.signal);
    const { format, backing, dataFile, bytes } = await disks.facts(loaded);
    // An image that names another file of this machine would give it to every guest.
    if (backing !== undefined || dataFile !== undefined || !formats.includes(format as 'raw'))
      throw refused(
        spec,
        `it is no plain qcow2 or raw disk (${format}${backing === undefined ? '' : ', with a backing file'})`,
      );
    run.progress('build', `making a disk of ${spec.image}`);
    await disks.copy(loaded, disk, format);
    rmSync(loaded);
    writeFileSync(join(draft, imageFileName), imageText({ name: spec.image, disk: 'disk.qcow2', diskBytes: bytes }));
    renameSync(draft, folder);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    throw error;
  }
}

async function download(spec: ImportImage, file: string, signal: AbortSignal): Promise<void> {
  const hash = createHash(spec.checksumAlgorithm);
  let bytes = 0;
  const counting = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      bytes += chunk.length;
      hash.update(chunk);
      done(bytes > mostBytes ? refused(spec, 'it is larger than 64 GiB') : null, chunk);
    },
  });
  try {
    const response = await fetch(spec.url, { signal });
    if (!response.ok || response.body === null) throw refused(spec, `the server answers ${response.status}`);
    await pipeline(Readable.fromWeb(response.body), counting, createWriteStream(file, { mode: 0o600 }), { signal });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof DecodedFailure || !(error instanceof Error)) throw error;
    if ('code' in error && error.code === 'ENOSPC') throw error;
    throw refused(spec, error.cause instanceof Error ? error.cause.message : error.message, true);
  }
  if (hash.digest('hex') === spec.checksum.toLowerCase()) return;
  throw new DecodedFailure({
    reason: 'QEMU_CHECKSUM',
    message: `What was downloaded as ${spec.image} does not have the checksum that was given`,
    cause: 'The file was replaced at its address, or the checksum is of another one.',
    remedy: 'Take the checksum from whoever publishes the image, then try again.',
    effect: Effect.NONE,
  });
}

function refused(spec: ImportImage, why: string, retryable = false): DecodedFailure {
  return new DecodedFailure({
    reason: 'QEMU_IMPORT_FAILED',
    message: `${spec.image} can't be imported: ${why}`,
    remedy: retryable ? 'Check that this machine reaches the address, then try again.' : 'Name another image.',
    retryable,
    effect: Effect.NONE,
  });
}
