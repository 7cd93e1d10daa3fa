import { Effect, type EnsureServer } from '@truffle/api/agent/v1/command';
import { DecodedFailure } from '../command/failure.ts';
import { requireTags } from '../site/wish.ts';
import { type QemuSite, storageName } from './site.ts';

/** Refuses what the site does not offer, before anything is touched. @throws DecodedFailure */
export function checkOffered(site: QemuSite, spec: EnsureServer): void {
  requireNumber(site, spec.vmid);
  if (site.images[spec.image] === undefined) throw notOffered('image', spec.image, Object.keys(site.images));
  for (const name of spec.networks)
    if (site.networks[name] === undefined) throw notOffered('network', name, Object.keys(site.networks));
  if (spec.storage !== '' && spec.storage !== storageName) throw notOffered('storage', spec.storage, [storageName]);
  requireTags(spec.tags);
  if (spec.highAvailability) throw notOffered('feature', 'high availability', []);
}

/** @throws DecodedFailure for a number that the site does not offer */
export function requireNumber({ vmids: { first, last } }: Pick<QemuSite, 'vmids'>, vmid: number): void {
  if (vmid >= first && vmid <= last) return;
  throw new DecodedFailure({
    reason: 'SITE_VMID_REFUSED',
    message: `Number ${vmid} is not among those that the site offers (${first} to ${last})`,
    cause: 'The control plane leased a number from a range that the site no longer offers.',
    remedy: 'Widen vmids in the site config, or create the server again.',
    effect: Effect.NONE,
  });
}

/** What a command names and the site config does not. */
export function notOffered(what: string, name: string, known: readonly string[]): DecodedFailure {
  return new DecodedFailure({
    reason: 'SITE_NOT_OFFERED',
    message: `The site offers no ${what} named ${name}`,
    cause: `It offers: ${known.join(', ') || 'none'}.`,
    remedy: `Add it to ${what}s in the site config, or name another in the template.`,
    effect: Effect.NONE,
  });
}

/** A machine on our number that is somebody else's. It is never touched. */
export function conflict(vmid: number, folder: string, serverId: string): DecodedFailure {
  return new DecodedFailure({
    reason: 'QEMU_CONFLICT',
    message: `Machine ${vmid} exists and is not server ${serverId}`,
    cause: 'Its record does not carry this server’s mark and UUID.',
    remedy: `It was left untouched. Take its number out of vmids in the site config, or move ${folder} away yourself.`,
    parameters: { vmid: String(vmid) },
    effect: Effect.NONE,
  });
}
