import { createHash } from 'node:crypto';
import { type Call, type Routes, flag, need, number, text } from '../call.ts';
import { requirePrivileges } from '../access/permission.ts';
import { ParameterError, RunError } from '../errors.ts';
import { listOf } from '../schema/format.ts';
import { parseSize } from '../vm/drive.ts';
import type { Storage, Volume } from './storage.ts';
import { downloadUrl, upload } from './upload.ts';

function usage(call: Call, storage: Storage): Record<string, unknown> {
  const used = call.cluster.storages.used(storage.storage, call.node);
  return {
    type: storage.type,
    content: storage.content.join(','),
    shared: storage.shared ? 1 : 0,
    enabled: storage.enabled ? 1 : 0,
    active: storage.enabled ? 1 : 0,
    total: storage.total,
    used,
    avail: storage.total - used,
  };
}

function onNode(call: Call): unknown {
  const { cluster, node, user } = call;
  const wanted = listOf(text(call, 'content') ?? '');
  return cluster.storages
    .visible(node)
    .filter((one) =>
      cluster.access.has(user, `/storage/${one.storage}`, ['Datastore.Audit', 'Datastore.AllocateSpace'], true),
    )
    .filter((one) => text(call, 'storage') === undefined || one.storage === text(call, 'storage'))
    .filter((one) => wanted.length === 0 || wanted.some((kind) => one.content.includes(kind)))
    .filter((one) => !flag(call, 'enabled') || one.enabled)
    .map((one) => {
      const row = usage(call, one);
      return { storage: one.storage, ...row, used_fraction: Number(row['used']) / one.total };
    });
}

function contentRow(call: Call, volume: Volume): Record<string, unknown> {
  const { cluster } = call;
  const fileBased = ['dir', 'nfs'].includes(cluster.storages.get(volume.storage).type);
  const row: Record<string, unknown> = {
    volid: volume.volid,
    content: volume.content,
    format: volume.content === 'iso' ? 'iso' : volume.format,
    size: volume.size,
    ctime: volume.ctime,
  };
  if (volume.content !== 'images') return row;
  const base =
    volume.parent === undefined
      ? null
      : fileBased
        ? `../${volume.parent.split(':')[1] ?? ''}`
        : (volume.parent.split(':')[1] ?? '');
  return { ...row, used: volume.used, vmid: volume.vmid, parent: base };
}

function content(call: Call): unknown {
  const { cluster, node, user } = call;
  const storage = cluster.storages.onNode(need(call, 'storage'), node);
  const owned = number(call, 'vmid');
  const audit = cluster.access.has(user, `/storage/${storage.storage}`, ['Datastore.Allocate']);
  return cluster.storages
    .content(storage.storage, node)
    .filter((one) => text(call, 'content') === undefined || one.content === text(call, 'content'))
    .filter((one) => owned === undefined || one.vmid === owned)
    .filter((one) => audit || one.vmid === undefined || cluster.access.has(user, `/vms/${one.vmid}`, ['VM.Audit']))
    .sort((a, b) => (a.volid < b.volid ? -1 : 1))
    .map((one) => contentRow(call, one));
}

function volid(call: Call): string {
  const given = need(call, 'volume');
  return given.includes(':') ? given : `${need(call, 'storage')}:${given}`;
}

function volume(call: Call): unknown {
  const { cluster, node } = call;
  const found = cluster.storages.volume(volid(call), node);
  if (found === undefined) throw new RunError(`volume_size_info on '${volid(call)}' failed - no such volume`);
  return { path: cluster.storages.path(found.volid), size: found.size, used: found.used, format: found.format };
}

function removeVolume(call: Call): string {
  const { cluster, node, user } = call;
  const name = volid(call);
  const storage = need(call, 'storage');
  if (name.split(':')[0] !== storage) throw new ParameterError({ volume: `invalid volume ID '${name}'` });
  requirePrivileges(cluster.access, user, `/storage/${storage}`, ['Datastore.Allocate']);
  return cluster.tasks.fork(node, 'imgdel', storage, user, (run) => {
    cluster.storages.remove(name, node);
    run.say(`Removed volume '${name}'`);
    cluster.changed();
  });
}

function allocate(call: Call): string {
  const { cluster, node } = call;
  const storage = cluster.storages.onNode(need(call, 'storage'), node);
  const vmid = number(call, 'vmid') ?? 0;
  const asked = need(call, 'size');
  const bytes = /^\d+$/.test(asked) ? Number(asked) * 1024 : (parseSize(asked) ?? 0);
  const filename = need(call, 'filename');
  const match = /\.(raw|qcow2|vmdk)$/.exec(filename);
  const format = text(call, 'format') ?? match?.[1] ?? 'raw';
  const base = match === null ? filename : filename.slice(0, -match[0].length);
  const name = cluster.storages.imageId(storage, vmid, base, format);
  if (cluster.storages.volume(name, node) !== undefined)
    throw new RunError(`disk image '${cluster.storages.path(name)}' already exists`);
  cluster.storages.add(
    {
      volid: name,
      storage: storage.storage,
      content: 'images',
      format,
      size: bytes,
      used: 331_776,
      vmid,
      ctime: cluster.seconds(),
    },
    node,
  );
  cluster.changed();
  return name;
}

function definition(storage: Storage): Record<string, unknown> {
  const digest = createHash('sha1').update(JSON.stringify(storage)).digest('hex');
  const optional = {
    path: storage.path,
    server: storage.server,
    export: storage.export,
    vgname: storage.vgname,
    thinpool: storage.thinpool,
    nodes: storage.nodes?.join(','),
  };
  return {
    storage: storage.storage,
    type: storage.type,
    content: storage.content.join(','),
    digest,
    ...(storage.shared && storage.type === 'dir' ? { shared: 1 } : {}),
    ...(storage.enabled ? {} : { disable: 1 }),
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
  };
}

const DEFAULT_BYTES = 500 * 1024 ** 3;

function add(call: Call): unknown {
  const { cluster } = call;
  const name = need(call, 'storage');
  const type = need(call, 'type');
  if (cluster.storages.byName.has(name))
    throw new RunError(`create storage failed: storage ID '${name}' already defined`);
  if (type !== 'dir' && type !== 'nfs' && type !== 'lvmthin' && type !== 'zfspool')
    throw new RunError(`create storage failed: storage type '${type}' is not part of this simulator`);
  const content = listOf(text(call, 'content') ?? 'images');
  const nodes = text(call, 'nodes');
  const path = text(call, 'path');
  cluster.storages.byName.set(name, {
    storage: name,
    type,
    content,
    shared: type === 'nfs' || flag(call, 'shared'),
    total: DEFAULT_BYTES,
    enabled: !flag(call, 'disable'),
    ...(nodes === undefined ? {} : { nodes: listOf(nodes) }),
    ...(path === undefined ? {} : { path }),
  });
  cluster.changed();
  return { storage: name, type };
}

function visible(call: Call): Storage[] {
  const { cluster, user } = call;
  return [...cluster.storages.byName.values()]
    .filter((one) => text(call, 'type') === undefined || one.type === text(call, 'type'))
    .filter((one) =>
      cluster.access.has(user, `/storage/${one.storage}`, ['Datastore.Audit', 'Datastore.AllocateSpace'], true),
    );
}

export const storageRoutes: Routes = {
  'GET /storage': (call) => visible(call).map(definition),
  'POST /storage': add,
  'GET /storage/{storage}': (call) => definition(call.cluster.storages.get(need(call, 'storage'))),
  'DELETE /storage/{storage}': (call) => {
    const { storages } = call.cluster;
    storages.byName.delete(storages.get(need(call, 'storage')).storage);
    call.cluster.changed();
    return null;
  },
  'GET /nodes/{node}/storage': onNode,
  'GET /nodes/{node}/storage/{storage}': () =>
    [
      'content',
      'download-url',
      'file-restore',
      'import-metadata',
      'prunebackups',
      'rrd',
      'rrddata',
      'status',
      'upload',
    ].map((subdir) => ({ subdir })),
  'GET /nodes/{node}/storage/{storage}/status': (call) =>
    usage(call, call.cluster.storages.onNode(need(call, 'storage'), call.node)),
  'GET /nodes/{node}/storage/{storage}/content': content,
  'POST /nodes/{node}/storage/{storage}/content': allocate,
  'GET /nodes/{node}/storage/{storage}/content/{volume}': volume,
  'DELETE /nodes/{node}/storage/{storage}/content/{volume}': removeVolume,
  'POST /nodes/{node}/storage/{storage}/upload': upload,
  'POST /nodes/{node}/storage/{storage}/download-url': downloadUrl,
};
