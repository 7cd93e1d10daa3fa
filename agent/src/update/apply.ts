import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../command/clock.ts';
import { ManifestInvalid } from '../release/manifest.ts';
import { linkTarget, pointLink } from './link.ts';
import { links, stagedFiles, type UpdatePlaces } from './places.ts';
import { clearTrying, readRecord, readTrying, writeRecord, writeTrying, type Ending, type Trying } from './record.ts';
import { stagedRelease, unpackStaged, UpdateRefused } from './staged.ts';

/** What putting in an update needs of the machine. */
export interface ApplyDeps {
  readonly places: UpdatePlaces;
  readonly platform: string;
  readonly clock: Clock;
  /** Ends the agent, which comes to a safe point, and starts what `current` points to. Rejects when it does not start. */
  readonly restart: () => Promise<void>;
  /** Version that a program says it is, run without rights. Rejects when it does not run. */
  readonly versionOf: (program: string) => Promise<string>;
  /** How long a version may take until it is ready, in milliseconds. */
  readonly readyMs: number;
  /** How long it must stay so, in milliseconds. */
  readonly steadyMs: number;
  readonly say: (line: string) => void;
}

const lookEveryMs = 200;
const keptVersions = 2;

/**
 * Puts in what the agent brought, and takes it out again when it does not get ready; goes on with what was cut off at any point. This runs as
 * root, from the version that was ready last: never from the one that is tried.
 * @returns how it ended; undefined when nothing was asked for
 */
export async function applyUpdate(deps: ApplyDeps): Promise<Ending | undefined> {
  const { places, say } = deps;
  const begun = readTrying(places.memory) ?? (await begin(deps));
  if (begun === undefined) return undefined;
  if (isEnding(begun)) return begun;
  say(`trying ${begun.to}, from ${begun.from}`);
  const ending = await tryOut(deps, begun);
  writeRecord(places.memory, ending);
  rmSync(join(places.staged, stagedFiles.ask), { force: true });
  clearTrying(places.memory);
  forgetOld(places);
  say(`${ending.outcome}: ${ending.reason}`);
  return ending;
}

/** It is refused again, for what is remembered. */
class TriedBefore extends UpdateRefused {}

const isEnding = (begun: Trying | Ending): begun is Ending => 'outcome' in begun;

/** Looks at what was brought, with root's eyes, and lays it beside what works. */
async function begin(deps: ApplyDeps): Promise<Trying | Ending | undefined> {
  const { places, platform, clock, versionOf, say } = deps;
  if (!existsSync(join(places.staged, stagedFiles.ask))) return undefined;
  const from = linkTarget(places.programs, links.confirmed) ?? linkTarget(places.programs, links.current) ?? '0.0.0';
  let to = 'unknown';
  try {
    const { manifest, artifact } = stagedRelease(places, from, platform);
    to = manifest.version;
    const known = readRecord(places.memory).bad.find(({ version }) => version === to);
    if (known !== undefined) throw new TriedBefore(`${to} was tried before and is not tried again: ${known.reason}`);
    const program = await unpackStaged(places, to, artifact);
    const says = await versionOf(program).catch(
      (error: unknown) => `nothing: ${error instanceof Error ? error.message : String(error)}`,
    );
    if (says !== to) throw new UpdateRefused(`the program of ${to} does not run here; it says ${says.slice(0, 200)}`);
  } catch (error) {
    if (!(error instanceof UpdateRefused || error instanceof ManifestInvalid)) throw error;
    const ending: Ending = {
      from,
      to,
      outcome: 'refused',
      reason: error.message,
      at: new Date(clock.wall()).toISOString(),
    };
    // How it ended when it was tried is what is to be told of it.
    if (!(error instanceof TriedBefore)) writeRecord(places.memory, ending);
    rmSync(join(places.staged, stagedFiles.ask), { force: true });
    say(`refused: ${error.message}`);
    return ending;
  }
  writeTrying(places.memory, { from, to });
  return { from, to };
}

async function tryOut(deps: ApplyDeps, { from, to }: Trying): Promise<Ending> {
  const { places, clock } = deps;
  const end = (outcome: Ending['outcome'], reason: string): Ending => ({
    from,
    to,
    outcome,
    reason,
    at: new Date(clock.wall()).toISOString(),
  });
  if (linkTarget(places.programs, links.confirmed) === to) return end('updated', `${to} is ready`);
  const why = await start(deps, to);
  if (why === undefined) {
    pointLink(join(places.programs, links.confirmed), to);
    return end('updated', `${to} is ready`);
  }
  const back = await start(deps, from);
  if (back === undefined) return end('rolled back', `${to} ${why}, and ${from} is ready`);
  return end('unproven', `${to} ${why}, but ${from} ${back} either: what is wrong is elsewhere`);
}

/** Has the unit run a version. @returns why that is not ready; undefined when it is */
async function start(
  { places, restart, readyMs, steadyMs, clock }: ApplyDeps,
  version: string,
): Promise<string | undefined> {
  const link = join(places.programs, links.current);
  const runs = linkTarget(places.programs, links.current) === version && isReady(places, version);
  if (!runs) {
    pointLink(link, version);
    try {
      await restart();
    } catch (error) {
      return `does not start (${error instanceof Error ? error.message : String(error)})`;
    }
  }
  const deadline = clock.now() + readyMs;
  let since: number | undefined;
  for (;;) {
    // A process that ended takes the file with it: who comes up and falls again is not ready.
    since = isReady(places, version) ? (since ?? clock.now()) : undefined;
    if (since !== undefined && clock.now() - since >= steadyMs) return undefined;
    if (since === undefined && clock.now() >= deadline) return `was not ready within ${readyMs / 1000} s`;
    if (clock.now() >= deadline + steadyMs) return 'did not stay ready';
    await new Promise<void>((done) => void clock.after(lookEveryMs, done));
  }
}

function isReady({ readyFile }: UpdatePlaces, version: string): boolean {
  try {
    return statSync(readyFile).size < 128 && readFileSync(readyFile, 'utf8').trim() === version;
  } catch {
    return false;
  }
}

/** Keeps what runs, what was ready last, and the newest others. */
function forgetOld({ programs }: UpdatePlaces): void {
  const needed = new Set([linkTarget(programs, links.current), linkTarget(programs, links.confirmed)]);
  const others = readdirSync(programs, { withFileTypes: true })
    .filter((each) => each.isDirectory() && !needed.has(each.name))
    .map(({ name }) => ({ name, madeAt: statSync(join(programs, name)).mtimeMs }))
    .toSorted((a, b) => b.madeAt - a.madeAt);
  for (const { name } of others.slice(keptVersions - 1)) rmSync(join(programs, name), { recursive: true, force: true });
}
