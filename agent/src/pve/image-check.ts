import { Effect } from '@truffle/api/agent/v1/command';
import type { ImportImage } from '@truffle/api/agent/v1/site_command';
import { DecodedFailure } from '../command/failure.ts';
import type { ImageWish } from './image.ts';
import { notOffered } from './server.ts';
import type { PveSite } from './site.ts';

const hexDigits: Readonly<Record<string, number>> = { sha256: 64, sha512: 128 };

/** Refuses an import that the site does not offer or that nothing would vouch for, before anything is touched. @throws DecodedFailure */
export function requireImport(site: PveSite, spec: ImportImage): ImageWish {
  const { first, last } = site.vmids;
  const downloadStorage = spec.downloadStorage === '' ? (site.importStorage ?? '') : spec.downloadStorage;
  if (site.importStorage === undefined || downloadStorage !== site.importStorage)
    throw notOffered('importStorage', downloadStorage, site.importStorage === undefined ? [] : [site.importStorage]);
  const storage = spec.storage === '' ? site.storage : spec.storage;
  if (!site.storages.includes(storage)) throw notOffered('storage', storage, site.storages);
  if (spec.vmid < first || spec.vmid > last)
    throw refused('vmid', `VMID ${spec.vmid} is not among those that the site offers`);
  if (!/^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/.test(spec.image))
    throw refused('image', `${JSON.stringify(spec.image)} is no name of an image`);
  if (!/^https?:\/\/[^\s@]+$/.test(spec.url) || !URL.canParse(spec.url))
    throw refused('url', 'the URL is no http or https address, or holds a password');
  if (
    !new RegExp(`^[0-9a-fA-F]{${hexDigits[spec.checksumAlgorithm] ?? 0}}$`).test(spec.checksum) ||
    spec.checksum === ''
  )
    throw refused('checksum', 'the checksum is no sha256 or sha512 in hex');
  const extension = /\.(qcow2|raw|vmdk)$/.exec(new URL(spec.url).pathname)?.[1] ?? 'qcow2';
  return {
    downloadStorage,
    storage,
    file: `truffle-${spec.image}-${spec.checksum.toLowerCase().slice(0, 16)}.${extension}`,
    mark: `truffle-image:${spec.orgId}/${spec.image}/${spec.checksum.toLowerCase().slice(0, 16)}`,
  };
}

function refused(field: string, message: string): DecodedFailure {
  return new DecodedFailure({
    reason: 'SITE_IMPORT_REFUSED',
    message,
    remedy: `Correct ${field}, then try again.`,
    parameters: { field },
    effect: Effect.NONE,
  });
}
