import { createPublicKey, verify, type KeyObject } from 'node:crypto';
import { isVersion } from './version-order.ts';

/** The program for one platform: as it runs, and packed (gzip) as it is downloaded. */
export interface Artifact {
  readonly platform: string;
  /** SHA-256 of the program in hex. */
  readonly sha256: string;
  /** Bytes of the program. */
  readonly size: number;
  readonly packedSha256: string;
  readonly packedSize: number;
}

/** What a release is, signed as a whole. */
export interface Manifest {
  readonly version: string;
  /** `stable`, or one that an organization asked for. */
  readonly channel: string;
  /** When it was made, ISO 8601. */
  readonly date: string;
  /** The oldest version that may become this one at once. */
  readonly minimum: string;
  readonly artifacts: readonly Artifact[];
}

/** A manifest is not signed by the key that counts here, or is malformed. */
export class ManifestInvalid extends Error {
  override readonly name = 'ManifestInvalid';
  readonly code = 'MANIFEST_INVALID';
}

const head = 'truffle-agent-release 1';
const mostBytes = 16 * 1024;
/** Larger than any program that we make: a bound for whoever unpacks. */
const mostProgramBytes = 1024 * 1024 * 1024;
const platform = /^(?:linux|win|darwin)-(?:x64|arm64)$/;
const sha256 = /^[0-9a-f]{64}$/;
const channelName = /^[a-z][a-z0-9-]{0,31}$/;

/** The manifest as it is signed and served: lines that a shell script reads as well. */
export const manifestText = ({ version, channel, date, minimum, artifacts }: Manifest): string =>
  [
    head,
    `version ${version}`,
    `channel ${channel}`,
    `date ${date}`,
    `minimum ${minimum}`,
    ...artifacts.map(
      (each) => `artifact ${each.platform} ${each.sha256} ${each.size} ${each.packedSha256} ${each.packedSize}`,
    ),
    '',
  ].join('\n');

/**
 * The manifest, whose signature is looked at before anything in it.
 * @param key Ed25519, PEM
 * @throws ManifestInvalid
 */
export function verifiedManifest(bytes: Uint8Array, signature: Uint8Array, key: string): Manifest {
  if (bytes.length > mostBytes) throw new ManifestInvalid(`the manifest is larger than ${mostBytes} bytes`);
  if (!verify(null, bytes, keyOf(key), signature))
    throw new ManifestInvalid('the manifest is not signed by the release key of this installation');
  return parseManifest(Buffer.from(bytes).toString('utf8'));
}

/** @throws ManifestInvalid */
export function parseManifest(text: string): Manifest {
  const [first, ...lines] = text.split('\n');
  if (first !== head)
    throw new ManifestInvalid(`the manifest does not begin with "${head}": another version of this program reads it`);
  const fields = new Map<string, string>();
  const artifacts: Artifact[] = [];
  for (const line of lines) {
    const [, name = '', value = ''] = /^([a-z]+) (.+)$/.exec(line) ?? [];
    if (name === 'artifact') artifacts.push(artifactOf(value));
    else if (name !== '' && fields.has(name)) throw new ManifestInvalid(`the manifest says ${name} twice`);
    else if (name !== '') fields.set(name, value);
  }
  const need = (name: string, isGood: (value: string) => boolean): string => {
    const value = fields.get(name) ?? '';
    if (!isGood(value)) throw new ManifestInvalid(`the manifest's ${name} is missing or malformed`);
    return value;
  };
  return {
    version: need('version', isVersion),
    channel: need('channel', (value) => channelName.test(value)),
    date: need('date', (value) => !Number.isNaN(Date.parse(value))),
    minimum: need('minimum', isVersion),
    artifacts,
  };
}

/** What is there for a platform; undefined for nothing. */
export const artifactFor = (manifest: Manifest, name: string): Artifact | undefined =>
  manifest.artifacts.find((each) => each.platform === name);

/** Name of the platform that this process runs on. */
export const ownPlatform = (): string => `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;

function artifactOf(value: string): Artifact {
  const [name = '', sum = '', size = '', packedSum = '', packedSize = '', ...more] = value.split(' ');
  const sizes = [size, packedSize].map(Number);
  const isGood =
    platform.test(name) &&
    sha256.test(sum) &&
    sha256.test(packedSum) &&
    more.length === 0 &&
    sizes.every((each) => Number.isSafeInteger(each) && each > 0 && each <= mostProgramBytes);
  if (!isGood) throw new ManifestInvalid('the manifest names a program in a way that is malformed');
  return { platform: name, sha256: sum, size: sizes[0] ?? 0, packedSha256: packedSum, packedSize: sizes[1] ?? 0 };
}

function keyOf(pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch (cause) {
    throw new ManifestInvalid('the release key is no public key in PEM', { cause });
  }
  if (key.asymmetricKeyType !== 'ed25519') throw new ManifestInvalid('the release key is not an Ed25519 key');
  return key;
}
