import type { ImportImage } from '@truffle/api/agent/v1/site_command';
import { requireImage } from '../site/wish.ts';
import { notOffered, requireNumber } from './server.ts';
import { type QemuSite, storageName } from './site.ts';

/** Refuses an import that the site does not offer or that nothing would vouch for, before anything is touched. @throws DecodedFailure */
export function requireImport(site: QemuSite, spec: ImportImage): void {
  requireNumber(site, spec.vmid);
  for (const name of [spec.storage, spec.downloadStorage])
    if (name !== '' && name !== storageName) throw notOffered('storage', name, [storageName]);
  requireImage(spec);
}
