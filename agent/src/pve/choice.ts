import { CloneMode, CloudInit, Effect, type EnsureServer } from '@truffle/api/agent/v1/command';
import { DecodedFailure } from '../command/failure.ts';
import { requireTags } from '../site/wish.ts';
import type { TemplateFacts } from './facts.ts';
import { notOffered } from './server.ts';
import type { PveSite } from './site.ts';

/** What a command leaves to the site, decided. */
export interface Choice {
  /** Storage for full clones and cloud-init drives. */
  readonly storage: string;
  /** `linked` may still become full when the image's disks are on another storage than the one that was named. */
  readonly clone: 'linked' | 'full';
  readonly cloudInit: 'native' | 'no-cloud';
}

/** Decides what the command left open, and refuses what the site does not offer. @throws DecodedFailure */
export function choose(site: PveSite, spec: EnsureServer): Choice {
  if (spec.storage !== '' && !site.storages.includes(spec.storage))
    throw notOffered('storage', spec.storage, site.storages);
  requireTags(spec.tags);
  if (spec.highAvailability && site.ha === undefined) throw noFeature('high availability', 'ha: {}');
  const cloudInit = spec.cloudInit === CloudInit.UNSPECIFIED ? site.cloudInit : cloudInits[spec.cloudInit];
  if (cloudInit === 'no-cloud' && site.isoStorage === undefined)
    throw noFeature('cloud-init by NoCloud images', 'isoStorage: <a storage for ISO images>');
  return {
    storage: spec.storage === '' ? site.storage : spec.storage,
    clone: spec.cloneMode === CloneMode.UNSPECIFIED ? site.clone : cloneModes[spec.cloneMode],
    cloudInit,
  };
}

/**
 * How the disks come from this template: a linked clone lies on its image's storage, so another one that was named needs a full clone.
 * @throws DecodedFailure when a linked clone and another storage were both named
 */
export function cloneOf(spec: EnsureServer, choice: Choice, template: TemplateFacts): 'linked' | 'full' {
  const elsewhere = spec.storage !== '' && template.storages.some((each) => each !== spec.storage);
  if (choice.clone === 'full' || !elsewhere) return choice.clone;
  if (spec.cloneMode !== CloneMode.LINKED) return 'full';
  throw new DecodedFailure({
    reason: 'PVE_LINKED_ELSEWHERE',
    message: `A linked clone of ${spec.image} can't lie on ${spec.storage}`,
    cause: `It shares its image's blocks, and those are on ${template.storages.join(', ')}.`,
    remedy: 'Ask for a full clone, or leave the storage out.',
    effect: Effect.NONE,
  });
}

const cloneModes = {
  [CloneMode.UNSPECIFIED]: 'linked',
  [CloneMode.LINKED]: 'linked',
  [CloneMode.FULL]: 'full',
} as const;

const cloudInits = {
  [CloudInit.UNSPECIFIED]: 'native',
  [CloudInit.NATIVE]: 'native',
  [CloudInit.NO_CLOUD]: 'no-cloud',
} as const;

function noFeature(what: string, key: string): DecodedFailure {
  return new DecodedFailure({
    reason: 'SITE_NOT_OFFERED',
    message: `The site offers no ${what}`,
    remedy: `Add it to the site config (${key}), or leave it out.`,
    effect: Effect.NONE,
  });
}
