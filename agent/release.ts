/**
 * Makes a release: the executable for each platform, packed, with the manifest that names them, signed, and the script that installs them.
 * What it makes is what the control plane serves (TRUFFLE_AGENT_RELEASE_DIR). A release that is there and current stays as it is.
 * Usage: node agent/release.ts --out FOLDER --key FILE [--make-key] [--version X.Y.Z] [--channel stable] [--minimum X.Y.Z]
 *   [--platform linux-x64]... [--quick]
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { createGzip } from 'node:zlib';
import { NodeUnavailable } from './nodes.ts';
import { buildExecutable, platforms as everyPlatform, type Platform } from './sea.ts';
import { manifestText, parseManifest, type Artifact, type Manifest } from './src/release/manifest.ts';
import { isVersion } from './src/release/version-order.ts';
import { version as ownVersion } from './src/version.ts';

export interface ReleaseInput {
  /** Folder of all releases. */
  readonly out: string;
  /** Private Ed25519 key, PEM. */
  readonly key: KeyObject;
  readonly version: string;
  readonly channel: string;
  readonly minimum: string;
  readonly platforms: readonly Platform[];
  /** Packs less tightly, for a local installation. */
  readonly quick: boolean;
  /** Told of each platform that is left out, and why. */
  readonly say: (line: string) => void;
}

const here = import.meta.dirname;

/** @returns what was released @throws what a build is refused with, or Error when no platform could be built */
export async function release(input: ReleaseInput): Promise<Manifest> {
  const folder = join(input.out, input.version);
  mkdirSync(folder, { recursive: true });
  const artifacts: Artifact[] = [];
  for (const platform of input.platforms) {
    const program = await programFor(platform, input);
    if (program === undefined) continue;
    artifacts.push(await pack(platform, program, join(folder, `${platform}.gz`), input.quick));
    input.say(`${platform}: ${artifacts.at(-1)?.size} bytes, ${artifacts.at(-1)?.packedSize} packed`);
  }
  if (artifacts.length === 0) throw new Error('no platform could be built');
  const { version, channel, minimum } = input;
  const known = knownManifest(folder);
  const isSame =
    known !== undefined &&
    manifestText({ ...known, date: '' }) === manifestText({ version, channel, minimum, artifacts, date: '' });
  const manifest = isSame ? known : { version, channel, minimum, artifacts, date: new Date().toISOString() };
  publish(input, folder, manifest);
  return manifest;
}

/** Undefined, and said, where no Node for that platform can be had. */
async function programFor(platform: Platform, { version, say }: ReleaseInput): Promise<string | undefined> {
  try {
    return await buildExecutable({ version, platform });
  } catch (error) {
    if (!(error instanceof NodeUnavailable)) throw error;
    say(`${platform}: LEFT OUT: ${error.message}`);
    return undefined;
  }
}

/** The manifest last: whoever reads it finds all that it names. */
function publish({ out, key }: ReleaseInput, folder: string, manifest: Manifest): void {
  const text = manifestText(manifest);
  const signature = sign(null, Buffer.from(text), key);
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'pem' }).trim();
  const script = readFileSync(join(here, 'install', 'install.sh'), 'utf8').replace('@RELEASE_KEY@', () => publicKey);
  replace(join(out, 'release.pub'), `${publicKey}\n`);
  replace(join(out, 'install.sh'), script);
  // Of the two, the signature is what a reader in between finds wrong, and then tries again.
  for (const place of [folder, out]) {
    replace(join(place, 'manifest.sig'), signature);
    replace(join(place, 'manifest'), text);
  }
}

async function pack(platform: string, program: string, path: string, quick: boolean): Promise<Artifact> {
  const { sha256, size } = await digestOf(program);
  const record = `${path}.of`;
  // Packing anew would give other bytes for the same program where zlib is another one.
  if (!existsSync(path) || !existsSync(record) || readFileSync(record, 'utf8') !== sha256) {
    await pipeline(createReadStream(program), createGzip({ level: quick ? 1 : 9 }), createWriteStream(`${path}.new`));
    renameSync(`${path}.new`, path);
    replace(record, sha256);
  }
  const packed = await digestOf(path);
  return { platform, sha256, size, packedSha256: packed.sha256, packedSize: packed.size };
}

async function digestOf(path: string): Promise<{ readonly sha256: string; readonly size: number }> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return { sha256: hash.digest('hex'), size: statSync(path).size };
}

function knownManifest(folder: string): Manifest | undefined {
  const path = join(folder, 'manifest');
  return existsSync(path) ? parseManifest(readFileSync(path, 'utf8')) : undefined;
}

function replace(path: string, content: string | Uint8Array): void {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, content);
  renameSync(draft, path);
}

/** The private key in a file; made there (0600) when it is missing and `make` says so. */
export function releaseKey(path: string, make: boolean): KeyObject {
  if (make && !existsSync(path)) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const { privateKey } = generateKeyPairSync('ed25519');
    writeFileSync(path, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' });
  }
  const key = createPrivateKey(readFileSync(path));
  if (key.asymmetricKeyType !== 'ed25519') throw new TypeError(`${path} is not an Ed25519 key`);
  return key;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      out: { type: 'string' },
      key: { type: 'string' },
      'make-key': { type: 'boolean', default: false },
      version: { type: 'string', default: ownVersion },
      channel: { type: 'string', default: 'stable' },
      minimum: { type: 'string', default: '0.0.0' },
      platform: { type: 'string', multiple: true, default: [...everyPlatform] },
      quick: { type: 'boolean', default: false },
    },
  });
  const { out, key, version, channel, minimum, quick } = values;
  const platforms = everyPlatform.filter((each) => values.platform.includes(each));
  if (out === undefined || key === undefined || !isVersion(version) || !isVersion(minimum) || platforms.length === 0)
    throw new TypeError(
      'say --out FOLDER and --key FILE, a --version and --minimum as 1.2.3, and platforms that there are',
    );
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const privateKey = releaseKey(resolve(key), values['make-key']);
  const made = await release({
    out: resolve(out),
    key: privateKey,
    version,
    channel,
    minimum,
    platforms,
    quick,
    say,
  });
  process.stdout.write(`${JSON.stringify(made)}\n`);
}
