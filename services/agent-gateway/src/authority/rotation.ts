import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { authorityFiles, makeAuthority } from './authority.ts';

/** A step that can't be taken now, or a state that does not parse; the message says what to do. */
export class RotationError extends Error {
  override readonly name = 'RotationError';
  readonly code = 'ROTATION_REFUSED';
}

/**
 * steady: one authority. distributing: the next one is trusted and handed to agents, the present one issues. issuing: the next one issues,
 * the old one is still trusted.
 */
export type RotationPhase = 'steady' | 'distributing' | 'issuing';

export interface Rotation {
  readonly phase: RotationPhase;
  /** Name of the authority that issues. */
  readonly issuer: string;
  /** Names of those that are trusted, oldest first. */
  readonly trusted: readonly string[];
  /** When the phase began; undefined before the first rotation. */
  readonly since: string | undefined;
}

const stateFile = 'rotation.json';
const firstName = 'ca';

/** The state in `folder`; steady with the first authority where no rotation was ever begun. @throws RotationError */
export function readRotation(folder: string): Rotation {
  const path = join(folder, stateFile);
  if (!existsSync(path)) return { phase: 'steady', issuer: firstName, trusted: [firstName], since: undefined };
  const state = parsed(path);
  if (state === undefined)
    throw new RotationError(`${path} is damaged; it names the phase, the issuer and the trusted`);
  return state;
}

/** Begins: makes the next authority, which every gateway trusts and hands out from its next start on. @throws RotationError */
export async function beginRotation(folder: string, now: Date): Promise<Rotation> {
  const { phase, issuer } = readRotation(folder);
  if (phase !== 'steady') throw new RotationError(`a rotation is ${phase} already`);
  if (!existsSync(join(folder, authorityFiles(issuer).certificate)))
    throw new RotationError(`${folder} holds no authority yet; the first gateway that starts makes it`);
  const number = Number(/-(\d+)$/.exec(issuer)?.[1] ?? 1) + 1;
  const next = `${firstName}-${number}`;
  // Left by a try that broke off before its state was written.
  for (const file of Object.values(authorityFiles(next))) rmSync(join(folder, file), { force: true });
  await makeAuthority(folder, next);
  return write(folder, { phase: 'distributing', issuer, trusted: [issuer, next], since: now.toISOString() });
}

/**
 * The next authority issues from now on. Not before every agent had time to hear of it: `overlapMs`, twice a certificate's life.
 * @throws RotationError
 */
export function switchRotation(folder: string, now: Date, overlapMs: number): Rotation {
  const rotation = readRotation(folder);
  const [, next] = rotation.trusted;
  if (rotation.phase !== 'distributing' || next === undefined)
    throw new RotationError(`the rotation is ${rotation.phase}; only one that is distributing can switch`);
  demandAge(rotation, now, overlapMs);
  return write(folder, { ...rotation, phase: 'issuing', issuer: next, since: now.toISOString() });
}

/** Drops the old authority, with its key. Not before its last certificate has ended. @throws RotationError */
export function endRotation(folder: string, now: Date, overlapMs: number): Rotation {
  const rotation = readRotation(folder);
  if (rotation.phase !== 'issuing')
    throw new RotationError(`the rotation is ${rotation.phase}; only one that is issuing can end`);
  demandAge(rotation, now, overlapMs);
  const ended = write(folder, {
    phase: 'steady',
    issuer: rotation.issuer,
    trusted: [rotation.issuer],
    since: now.toISOString(),
  });
  for (const name of rotation.trusted)
    if (name !== rotation.issuer)
      for (const file of Object.values(authorityFiles(name))) rmSync(join(folder, file), { force: true });
  return ended;
}

function demandAge({ phase, since }: Rotation, now: Date, overlapMs: number): void {
  const due = new Date(since ?? 0).getTime() + overlapMs;
  if (now.getTime() < due)
    throw new RotationError(
      `${phase} since ${since}: agents may not have heard of it before ${new Date(due).toISOString()}; wait, or take it upon you with --force`,
    );
}

function write(folder: string, rotation: Rotation): Rotation {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, stateFile);
  writeFileSync(`${path}.new`, `${JSON.stringify(rotation, null, 2)}\n`, { mode: 0o644 });
  renameSync(`${path}.new`, path);
  return rotation;
}

function parsed(path: string): Rotation | undefined {
  let read: unknown;
  try {
    read = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
  const { phase, issuer, trusted, since } = read as Partial<Record<keyof Rotation, unknown>>;
  const names = Array.isArray(trusted) ? trusted.filter((name) => typeof name === 'string') : [];
  const known = phase === 'steady' || phase === 'distributing' || phase === 'issuing';
  if (!known || typeof issuer !== 'string' || typeof since !== 'string' || !names.includes(issuer)) return undefined;
  return { phase, issuer, trusted: names, since };
}
