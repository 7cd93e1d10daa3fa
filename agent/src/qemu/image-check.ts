import { Effect } from '@truffle/api/agent/v1/command';
import type { ImportImage } from '@truffle/api/agent/v1/site_command';
import { DecodedFailure } from '../command/failure.ts';
import { notOffered, requireNumber } from './server.ts';
import { type QemuSite, storageName } from './site.ts';

const hexDigits: Readonly<Record<string, number>> = { sha256: 64, sha512: 128 };

/** Refuses an import that the site does not offer or that nothing would vouch for, before anything is touched. @throws DecodedFailure */
export function requireImport(site: QemuSite, spec: ImportImage): void {
  requireNumber(site, spec.vmid);
  for (const name of [spec.storage, spec.downloadStorage])
    if (name !== '' && name !== storageName) throw notOffered('storage', name, [storageName]);
  if (!/^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/.test(spec.image))
    throw refused('image', `${JSON.stringify(spec.image)} is no name of an image`);
  if (!/^https?:\/\/[^\s@]+$/.test(spec.url) || !URL.canParse(spec.url))
    throw refused('url', 'the URL is no http or https address, or holds a password');
  if (!new RegExp(`^[0-9a-fA-F]{${hexDigits[spec.checksumAlgorithm] ?? 1_000}}$`).test(spec.checksum))
    throw refused('checksum', 'the checksum is no sha256 or sha512 in hex');
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
