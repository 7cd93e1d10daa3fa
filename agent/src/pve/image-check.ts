import type { ImportImage } from '@truffle/api/agent/v1/site_command';
import { importRefused, requireImage } from '../site/wish.ts';
import type { ImageWish } from './image.ts';
import { notOffered } from './server.ts';
import type { PveSite } from './site.ts';

/** Refuses an import that the site does not offer or that nothing would vouch for, before anything is touched. @throws DecodedFailure */
export function requireImport(site: PveSite, spec: ImportImage): ImageWish {
  const { first, last } = site.vmids;
  const downloadStorage = spec.downloadStorage === '' ? (site.importStorage ?? '') : spec.downloadStorage;
  if (site.importStorage === undefined || downloadStorage !== site.importStorage)
    throw notOffered('importStorage', downloadStorage, site.importStorage === undefined ? [] : [site.importStorage]);
  const storage = spec.storage === '' ? site.storage : spec.storage;
  if (!site.storages.includes(storage)) throw notOffered('storage', storage, site.storages);
  if (spec.vmid < first || spec.vmid > last)
    throw importRefused('vmid', `VMID ${spec.vmid} is not among those that the site offers`);
  requireImage(spec);
  const extension = /\.(qcow2|raw|vmdk)$/.exec(new URL(spec.url).pathname)?.[1] ?? 'qcow2';
  return {
    downloadStorage,
    storage,
    file: `truffle-${spec.image}-${spec.checksum.toLowerCase().slice(0, 16)}.${extension}`,
    mark: `truffle-image:${spec.orgId}/${spec.image}/${spec.checksum.toLowerCase().slice(0, 16)}`,
  };
}
