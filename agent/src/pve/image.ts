import { create } from '@bufbuild/protobuf';
import { CommandOutputSchema, Effect, Outcome } from '@truffle/api/agent/v1/command';
import type { ImportImage } from '@truffle/api/agent/v1/site_command';
import type { CommandEnd, CommandRun } from '../command/effect.ts';
import { DecodedFailure } from '../command/failure.ts';
import { upidOf, vmPath } from './api.ts';
import { attempt } from './attempt.ts';
import type { Here } from './clone.ts';
import { bootDisk } from './disk.ts';
import { requireImport } from './image-check.ts';
import { listVolumes, removeVolume, storagePath } from './library.ts';
import { locate } from './locate.ts';
import { awaitUnlocked, leftStub } from './lock.ts';
import { taskOnce } from './once.ts';
import { conflict } from './server.ts';
import type { PveSite } from './site.ts';

/**
 * Makes an image exist that servers are made from: download with its checksum, a VM whose disk is imported from it, and of that a template
 * with a cloud-init drive and a serial port. Each step looks first, so that it can run again from the start at any time.
 * @throws DecodedFailure, PveError, PveTaskError, or the run's signal's reason
 */
export async function importImage(site: PveSite, run: CommandRun, spec: ImportImage): Promise<CommandEnd> {
  const wish = requireImport(site, spec);
  if ((await findImage(site, run, spec)) === undefined) {
    if (run.recall('build') === undefined) await download(site, run, spec, wish);
    await build(site, run, spec, wish);
  }
  await convert(site, run, spec);
  const vm = await findImage(site, run, spec);
  if (vm === undefined) throw vanished(spec);
  await clean(site, run, spec, wish);
  site.addImage(spec.image, spec.vmid);
  site.facts.forget();
  run.progress('ready', `${spec.image} is the template ${spec.vmid} on ${vm.node}`);
  const diskBytes = BigInt(Math.round(bootDisk(vm.config.options)?.bytes ?? 0));
  const value = { image: spec.image, vmid: spec.vmid, node: vm.node, diskBytes };
  return {
    outcome: Outcome.SUCCEEDED,
    effect: Effect.FULL,
    output: create(CommandOutputSchema, { output: { case: 'image', value } }),
  };
}

/** What `requireImport` decided. */
export interface ImageWish {
  readonly downloadStorage: string;
  readonly storage: string;
  /** Name of the downloaded file: says what is in it. */
  readonly file: string;
  /** The line that marks the template as made by this command's image. */
  readonly mark: string;
}

async function download(site: PveSite, run: CommandRun, spec: ImportImage, wish: ImageWish): Promise<void> {
  const at = { node: spec.node, storage: wish.downloadStorage };
  const volid = `${wish.downloadStorage}:import/${wish.file}`;
  const { client } = site.api;
  await attempt(run, {
    done: async () => (await listVolumes(client, at, 'import', run.signal)).some((each) => each.volid === volid),
    act: async (step) => {
      run.progress('download', `downloading ${spec.image} to ${wish.downloadStorage}`);
      const path = `${storagePath(at)}/download-url`;
      const params = {
        url: spec.url,
        content: 'import',
        filename: wish.file,
        checksum: spec.checksum,
        'checksum-algorithm': spec.checksumAlgorithm,
      };
      const kind = { node: spec.node, types: ['download'], id: wish.file };
      await taskOnce(site, run, step('download'), kind, async () =>
        upidOf(await client.post(path, params, { node: spec.node, signal: run.signal }), `POST ${path}`),
      );
    },
  });
}

async function build(site: PveSite, run: CommandRun, spec: ImportImage, wish: ImageWish): Promise<void> {
  const network = Object.values(site.networks)[0];
  const params = {
    vmid: spec.vmid,
    name: spec.image.replaceAll('.', '-'),
    description: wish.mark,
    tags: 'truffle-image',
    pool: site.pool,
    ostype: 'l26',
    agent: '1',
    cores: 1,
    memory: 1024,
    scsihw: 'virtio-scsi-single',
    scsi0: `${wish.storage}:0,import-from=${wish.downloadStorage}:import/${wish.file}`,
    ide2: `${wish.storage}:cloudinit`,
    boot: 'order=scsi0',
    // Debian's cloud images panic without a serial port.
    serial0: 'socket',
    vga: 'serial0',
    net0: `virtio,bridge=${network?.bridge ?? 'vmbr0'}${network?.vlan === undefined ? '' : `,tag=${network.vlan}`}`,
  };
  const path = `/nodes/${encodeURIComponent(spec.node)}/qemu`;
  const kind = { node: spec.node, types: ['qmcreate'], id: String(spec.vmid) };
  let failed = false;
  await attempt(run, {
    done: async () => {
      if ((await findImage(site, run, spec)) !== undefined) return true;
      // What a failed creation leaves is in no pool yet, so the token can't see it.
      if (failed && !(await site.api.isFree(spec.vmid, run.signal))) throw leftStub(spec.vmid, spec.node);
      return false;
    },
    act: async (step) => {
      run.progress('build', `making VM ${spec.vmid} of ${spec.image}`);
      failed = true;
      await taskOnce(site, run, step('build'), kind, async () =>
        upidOf(await site.api.client.post(path, params, { node: spec.node, signal: run.signal }), `POST ${path}`),
      );
      failed = false;
    },
  });
}

async function convert(site: PveSite, run: CommandRun, spec: ImportImage): Promise<void> {
  let vm: Here | undefined;
  await attempt(run, {
    done: async () => {
      vm = await findImage(site, run, spec);
      return vm?.config.options['template'] === '1';
    },
    act: async (step) => {
      const node = vm?.node ?? spec.node;
      run.progress('template', `making VM ${spec.vmid} a template`);
      const path = `${vmPath(node, spec.vmid)}/template`;
      const kind = { node, types: ['qmtemplate'], id: String(spec.vmid) };
      await taskOnce(site, run, step('template'), kind, async () =>
        upidOf(await site.api.client.post(path, {}, { node, signal: run.signal }), `POST ${path}`),
      );
    },
  });
}

/** The download is not needed any more; a token that may not remove it leaves it. */
async function clean(site: PveSite, run: CommandRun, spec: ImportImage, wish: ImageWish): Promise<void> {
  const at = { node: spec.node, storage: wish.downloadStorage };
  const volid = `${wish.downloadStorage}:import/${wish.file}`;
  try {
    const there = await listVolumes(site.api.client, at, 'import', run.signal);
    if (there.some((each) => each.volid === volid)) await removeVolume(site.api.client, at, volid, run.signal);
  } catch (error) {
    run.signal.throwIfAborted();
    run.log('agent', `the download ${volid} was left: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/**
 * The VM on the image's number, once nothing holds its lock; undefined when there is none, or while one is being made that the token can't
 * see yet. @throws DecodedFailure for a foreign one
 */
async function findImage(site: PveSite, run: CommandRun, spec: ImportImage): Promise<Here | undefined> {
  const mark = requireImport(site, spec).mark;
  const owned = (found: Here): boolean => (found.config.options['description'] ?? '').trim() === mark;
  let found = await locate(site, spec.vmid, spec.node, run.signal);
  if (found.state === 'here' && found.config.options['lock'] !== undefined) {
    if ((found.config.options['description'] ?? '') !== '' && !owned(found))
      throw conflict(spec.vmid, found.node, spec.image);
    found = await awaitUnlocked(site, spec.vmid, found, run.signal, (text) => run.progress('lock', text));
  }
  if (found.state === 'absent') return undefined;
  if (found.state === 'hidden') {
    if (run.recall('build') !== undefined) return undefined;
    throw conflict(spec.vmid, undefined, spec.image);
  }
  if (!owned(found)) throw conflict(spec.vmid, found.node, spec.image);
  return found;
}

function vanished({ vmid }: ImportImage): DecodedFailure {
  return new DecodedFailure({
    reason: 'PVE_SERVER_MISSING',
    message: `The template ${vmid} was removed while it was being made`,
    remedy: 'Try again.',
    retryable: true,
  });
}
