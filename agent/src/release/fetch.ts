import { verifiedManifest, type Manifest } from './manifest.ts';

const withinMs = 15_000;
const mostBytes = 16 * 1024;
const signatureBytes = 64;

/** A release was not there to be had: what was asked answers so, or not at all. */
export class ReleaseUnreachable extends Error {
  override readonly name = 'ReleaseUnreachable';
  readonly code = 'RELEASE_UNREACHABLE';
}

/**
 * The manifest of a release at a control plane, the newest unless a version is named.
 * @param key Ed25519, PEM
 * @throws ReleaseUnreachable, ManifestInvalid
 */
export async function fetchManifest(server: string, key: string, version?: string): Promise<Manifest> {
  const { manifest, signature } = await fetchSigned(server, version);
  return verifiedManifest(manifest, signature, key);
}

/** A manifest with its signature, as they came and before anything is believed. @throws ReleaseUnreachable */
export async function fetchSigned(
  server: string,
  version?: string,
): Promise<{ readonly manifest: Uint8Array; readonly signature: Uint8Array }> {
  const folder = version === undefined ? '/agent' : `/agent/${version}`;
  const signature = await fetchBytes(new URL(`${folder}/manifest.sig`, server), signatureBytes);
  return { signature, manifest: await fetchBytes(new URL(`${folder}/manifest`, server), mostBytes) };
}

async function fetchBytes(url: URL, most: number): Promise<Uint8Array> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(withinMs), redirect: 'error' });
    if (!answer.ok || answer.body === null) throw new ReleaseUnreachable(`${url.href} answers ${answer.status}`);
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const part of answer.body) {
      size += part.length;
      if (size > most) throw new ReleaseUnreachable(`${url.href} answers more than ${most} bytes`);
      parts.push(part);
    }
    return Buffer.concat(parts);
  } catch (cause) {
    if (cause instanceof ReleaseUnreachable) throw cause;
    const why = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : String(cause);
    throw new ReleaseUnreachable(`${url.href} was not reached: ${why}`, { cause });
  }
}
