import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { systemClock } from './command/clock.ts';
import { pingHandler } from './command/ping.ts';
import { Reports } from './command/report.ts';
import { Runner } from './command/runner.ts';
import type { Site, SiteDeps } from './command/site.ts';
import { serveHealth } from './health/health.ts';
import { readIdentity, type Identity } from './identity/identity.ts';
import { Journal, type JournalBroken } from './journal/journal.ts';
import { lockDataFolder } from './journal/lock.ts';
import { grpcDialer } from './link/grpc.ts';
import { Link } from './link/link.ts';
import { exitCodes } from './settings.ts';
import { version } from './version.ts';

/** Time for running commands to come to a safe point, in milliseconds. */
const graceMs = 10_000;
/** Time for the last frames to leave, in milliseconds. */
const farewellMs = 500;
const inventoryEveryMs = 60_000;
/** After a look that failed: the site may only be starting. */
const inventoryAgainMs = 5_000;

export interface ProgramInput {
  readonly dataFolder: string;
  /** File that describes the site; undefined for none. */
  readonly siteConfig: string | undefined;
  /** Where to dial before what enrolment and sessions said; empty for those alone. */
  readonly endpoints: readonly string[];
  /** Where to tell the site's monitoring how it is, host:port; empty for nowhere. */
  readonly healthListen: string;
  readonly log: Logger;
}

/** A running agent. */
export interface Program {
  /** Takes no more commands, lets the running ones come to a safe point, and lets everything go. Safe to call again. */
  stop(): Promise<void>;
}

/** `run` before `enroll`. */
export class NotEnrolled extends Error {
  override readonly name = 'NotEnrolled';
  readonly code = 'NOT_ENROLLED';
}

/**
 * Starts the agent: lock, identity, journal, site, then the link; goes on with what the journal holds.
 * @throws DataFolderLocked, NotEnrolled, IdentityDamaged, JournalBroken, or what the site's config is refused with
 */
export async function startProgram(input: ProgramInput): Promise<Program> {
  const { dataFolder, log } = input;
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  const lock = lockDataFolder(dataFolder);
  const identity = readIdentity(dataFolder);
  if (identity === undefined) {
    lock.release();
    throw new NotEnrolled(`${dataFolder} holds no identity; run \`truffle-agent enroll\` first`);
  }
  warnOfExpiry(identity, log);
  const journal = new Journal(join(dataFolder, 'journal.db'), (error) => dieOf(error, log));
  const site = await openSiteOf(input, identity, journal);
  const { link, runner } = connect(journal, identity, input.endpoints, site, log);
  const stopInventory = site === undefined ? () => undefined : followInventory(site, link, log);
  const vitals = { connected: () => link.ready, openCommands: () => runner.inFlight().length, version };
  const health = input.healthListen === '' ? undefined : await serveHealth(input.healthListen, vitals);
  let stopped: Promise<void> | undefined;
  return {
    stop: () =>
      (stopped ??= (async () => {
        stopInventory();
        health?.close();
        await runner.stop(graceMs);
        link.stop();
        await new Promise<void>((resolve) => void systemClock.after(farewellMs, resolve));
        await site?.close();
        journal.close();
        lock.release();
      })()),
  };
}

/** Wires runner, reports and link to each other and starts them. */
function connect(
  journal: Journal,
  identity: Identity,
  preferred: readonly string[],
  site: Site | undefined,
  log: Logger,
): { link: Link; runner: Runner } {
  const clock = systemClock;
  const link: { current: Link | undefined } = { current: undefined };
  const reports = new Reports({ journal, clock, wake: (urgency) => link.current?.wake(urgency) });
  const runner = new Runner({ journal, reports, handlers: [pingHandler, ...(site?.handlers ?? [])], clock, log });
  const dialer = grpcDialer(() => ({
    certificate: identity.certificate,
    key: identity.mtlsKey,
    authorities: identity.authorities,
    serverName: identity.serverName,
  }));
  link.current = new Link({
    journal,
    runner,
    reports,
    dialer,
    clock,
    random: Math.random,
    log,
    endpoints: identity.endpoints,
    preferred,
    version,
  });
  runner.recover();
  link.current.start();
  return { link: link.current, runner };
}

async function openSiteOf(input: ProgramInput, identity: Identity, journal: Journal): Promise<Site | undefined> {
  if (input.siteConfig === undefined) return undefined;
  const deps: SiteDeps = {
    log: input.log,
    agentId: identity.agentId,
    orgId: identity.orgId,
    dataFolder: input.dataFolder,
    sealing: identity.sealing,
    generatedSecret: (clusterId, name, make) => journal.generatedSecret(clusterId, name, make),
  };
  // Loaded here so that an agent without a site carries neither its driver nor SSH.
  const { openSite } = await import('./site/site.ts');
  return openSite(input.siteConfig, deps);
}

/** Tells what the site has, now and every minute; the next look begins when the last one ended. */
function followInventory(site: Site, link: Link, log: Logger): () => void {
  let cancel: (() => void) | undefined;
  let over = false;
  let problems = '';
  const look = async (): Promise<void> => {
    let wait = inventoryEveryMs;
    try {
      const inventory = await site.inventory();
      link.tellInventory(inventory);
      const told = inventory.problems.join('\n');
      if (told !== problems && told !== '') log.warn({ problems: inventory.problems }, 'the site is not in order');
      problems = told;
    } catch (error) {
      log.warn({ err: error }, 'the inventory could not be taken');
      wait = inventoryAgainMs;
    }
    if (!over) cancel = systemClock.after(wait, () => void look());
  };
  void look();
  return () => {
    over = true;
    cancel?.();
  };
}

/** A journal that can't be written ends the process at once: no further effect may begin. */
function dieOf(error: JournalBroken, log: Logger): void {
  log.fatal({ err: error }, 'the journal can not be used: ending');
  process.exit(exitCodes.journal);
}

function warnOfExpiry({ certificateEnds }: Identity, log: Logger): void {
  if (certificateEnds.getTime() > systemClock.wall()) return;
  log.error({ certificateEnds }, 'the certificate has ended; `truffle-agent reset` and enrol with a new join token');
}
