import { Effect } from '@truffle/api/agent/v1/command';
import type { ImportImage } from '@truffle/api/agent/v1/site_command';
import { DecodedFailure } from '../command/failure.ts';

/** Refuses tags that no hypervisor takes. @throws DecodedFailure */
export function requireTags(tags: readonly string[]): void {
  const tag = tags.find((each) => !/^[a-z0-9_][a-z0-9_-]{0,62}$/.test(each));
  if (tag === undefined) return;
  throw new DecodedFailure({
    reason: 'SITE_TAG_REFUSED',
    message: `${JSON.stringify(tag)} is no tag`,
    cause: 'Tags are lower-case letters, digits, dashes and underscores.',
    remedy: 'Correct the tag.',
    effect: Effect.NONE,
  });
}

const hexDigits: Readonly<Record<string, number>> = { sha256: 64, sha512: 128 };

/** Refuses an image that has no name, comes from nowhere, or that nothing would vouch for. @throws DecodedFailure */
export function requireImage(spec: Pick<ImportImage, 'image' | 'url' | 'checksum' | 'checksumAlgorithm'>): void {
  if (!/^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/.test(spec.image))
    throw importRefused('image', `${JSON.stringify(spec.image)} is no name of an image`);
  if (!/^https?:\/\/[^\s@]+$/.test(spec.url) || !URL.canParse(spec.url))
    throw importRefused('url', 'the URL is no http or https address, or holds a password');
  if (!/^[0-9a-fA-F]+$/.test(spec.checksum) || spec.checksum.length !== hexDigits[spec.checksumAlgorithm])
    throw importRefused('checksum', 'the checksum is no sha256 or sha512 in hex');
}

/** An import that says something that can't be. */
export function importRefused(field: string, message: string): DecodedFailure {
  return new DecodedFailure({
    reason: 'SITE_IMPORT_REFUSED',
    message,
    remedy: `Correct ${field}, then try again.`,
    parameters: { field },
    effect: Effect.NONE,
  });
}
