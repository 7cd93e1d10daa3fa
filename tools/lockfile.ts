import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import semver from 'semver';
import { root, type Findings } from './command.ts';

interface Lock {
  readonly packages: Readonly<
    Record<
      string,
      { readonly version?: string; readonly resolved?: string; readonly link?: boolean; readonly integrity?: string }
    >
  >;
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** Versions that must not come back, with why. Kept here because the registries' own audit cannot be asked everywhere. */
const knownBad: readonly (readonly [name: string, range: string, why: string])[] = [
  ['@hpke/core', '<1.7.5', 'nonce reuse in concurrent contexts'],
  ['js-yaml', '>=5.0.0', 'loads alias bombs by default'],
  ['ip', '*', 'takes private addresses for public ones'],
  ['nats', '*', 'superseded by @nats-io/transport-node'],
  ['ws', '<8.17.1', 'CVE-2024-37890: many headers end the process'],
  ['undici', '<6.21.1', 'CVE-2025-22150: guessable multipart boundaries'],
  ['jose', '<4.15.5', 'CVE-2024-28176: decompression bomb'],
  ['protobufjs', '<7.2.5', 'CVE-2023-36665: prototype pollution'],
  ['@grpc/grpc-js', '<1.10.9', 'CVE-2024-37168: memory beyond the limit'],
  ['semver', '>=7.0.0 <7.5.2', 'CVE-2022-25883: slow expressions'],
];

/** The lockfile names no host, nothing known to be bad is in it, and our own manifests pin what they ask for. */
export function lockfile(): Promise<Findings> {
  const { packages } = read('package-lock.json') as Lock;
  const problems: string[] = [];
  for (const [path, entry] of Object.entries(packages)) {
    const name = path.split('node_modules/').at(-1) ?? path;
    if (entry.resolved?.includes('://') === true)
      problems.push(`package-lock.json: ${path} names a host (omit-lockfile-registry-resolved belongs in .npmrc)`);
    for (const [bad, range, why] of knownBad)
      if (name === bad && path.includes('node_modules/') && semver.satisfies(entry.version ?? '', range))
        problems.push(`package-lock.json: ${bad} ${entry.version}: ${why}`);
  }
  for (const file of [
    'package.json',
    ...globSync(
      ['packages/*/package.json', 'services/*/package.json', '{agent,cli,simulator,deploy/local}/package.json'],
      { cwd: root },
    ),
  ]) {
    const manifest = read(file) as Manifest;
    for (const [name, range] of Object.entries({
      ...manifest.dependencies,
      ...manifest.devDependencies,
      ...manifest.optionalDependencies,
    })) {
      const ours = name.startsWith('@truffle/');
      if (ours ? range !== '*' : semver.valid(range) === null)
        problems.push(`${file}: ${name} must be ${ours ? '"*"' : 'one exact version'}, not ${range}`);
    }
  }
  return Promise.resolve({ problems });
}

const read = (file: string): unknown => JSON.parse(readFileSync(join(root, file), 'utf8'));
