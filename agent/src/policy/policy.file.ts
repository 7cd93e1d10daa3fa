import { closeSync, fstatSync, openSync, readFileSync, realpathSync, statSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { everything, parsePolicy, PolicyInvalid } from './policy.read.ts';
import type { Policy } from './policy.ts';

/** What a site's policy is at the moment. */
export type PolicyState =
  /** No file was named. */
  | { readonly kind: 'none'; readonly policy: Policy }
  | { readonly kind: 'in force'; readonly policy: Policy }
  /** No work is done. */
  | { readonly kind: 'broken'; readonly problem: string };

/** Larger than any policy that a person writes. */
const mostBytes = 64 * 1024;
const othersMayWrite = 0o022;
const sticky = 0o1000;

/** Gives the policy that is in force now; reads the file again when it is another one, or anything about it changed. */
export class PolicyFile {
  readonly #path: string | undefined;
  readonly #tell: (state: PolicyState) => void;
  #seen = '';
  #state: PolicyState = { kind: 'none', policy: everything };

  /** @param path undefined for none @param tell is told of each policy that was read, and of each that could not be */
  constructor(path: string | undefined, tell: (state: PolicyState) => void) {
    this.#path = path;
    this.#tell = tell;
  }

  current(): PolicyState {
    if (this.#path === undefined) return this.#state;
    const seen = markOf(this.#path);
    if (seen === this.#seen && seen !== '') return this.#state;
    const before = this.#state;
    this.#state = readState(this.#path);
    this.#seen = seen;
    if (!isSame(before, this.#state)) this.#tell(this.#state);
    return this.#state;
  }
}

/** @throws PolicyInvalid when the file can't be trusted or read */
export function readPolicyFile(path: string): Policy {
  const file = openPolicy(path);
  try {
    const stats = fstatSync(file);
    requireOwn(path, stats);
    if (stats.size > mostBytes) throw new PolicyInvalid(`${path}: is larger than ${mostBytes} bytes`);
    return parsePolicy(readFileSync(file, 'utf8'), path);
  } finally {
    closeSync(file);
  }
}

function readState(path: string): PolicyState {
  try {
    return { kind: 'in force', policy: readPolicyFile(path) };
  } catch (error) {
    if (error instanceof PolicyInvalid) return { kind: 'broken', problem: error.message };
    return { kind: 'broken', problem: `${path}: can't be read (${codeOf(error)})` };
  }
}

/** Whoever may replace the file, or anything that its path goes through at its end, makes the policy: only root and we may. */
function openPolicy(path: string): number {
  try {
    const real = realpathSync(path);
    const folder = statSync(dirname(real));
    if ((folder.mode & othersMayWrite) !== 0 && (folder.mode & sticky) === 0)
      throw new PolicyInvalid(
        `${path}: others may write to its folder ${dirname(real)}; run: chmod go-w ${dirname(real)}`,
      );
    return openSync(real, 'r');
  } catch (error) {
    if (error instanceof PolicyInvalid) throw error;
    throw new PolicyInvalid(`${path}: can't be read (${codeOf(error)})`, { cause: error });
  }
}

function requireOwn(path: string, { uid, mode }: Stats): void {
  if (uid !== 0 && uid !== process.getuid?.())
    throw new PolicyInvalid(`${path}: belongs to another user (${uid}); run: chown root ${path}`);
  if ((mode & othersMayWrite) !== 0)
    throw new PolicyInvalid(`${path}: others may write to it; run: chmod go-w ${path}`);
}

/** Changes with the file, its content, owner and mode; empty when there is none. */
function markOf(path: string): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join('.');
  } catch {
    return '';
  }
}

const isSame = (a: PolicyState, b: PolicyState): boolean =>
  a.kind === 'broken' && b.kind === 'broken' && a.problem === b.problem;

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
