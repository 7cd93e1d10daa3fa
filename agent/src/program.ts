// Long, as it is the one place where the parts of a running agent are wired to each other.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { unauthentic, type Addressee } from './command/authenticity.ts';
import { systemClock } from './command/clock.ts';
import type { Gate } from './command/intake.ts';
import { LogSpool, spoolLimits, type SpoolLimits } from './command/log-spool.ts';
import { pingHandler } from './command/ping.ts';
import { Reports } from './command/report.ts';
import { Runner } from './command/runner.ts';
import type { Site, SiteDeps } from './command/site.ts';
import { serveHealth } from './health/health.ts';
import { PinnedKeys, pinning } from './identity/command-keys.ts';
import { IdentityFolder } from './identity/folder.ts';
import { readIdentity, type Identity } from './identity/identity.ts';
import { CertificateKeeper } from './identity/keeper.ts';
import { KeyLogWatch, type KeyLogDeps } from './identity/key-log.ts';
import { approvalWords } from './identity/keys.ts';
import { QuarantineGuard } from './identity/quarantine.ts';
import { recoveryByKey } from './identity/recovery.ts';
import { identityCalls } from './identity/renewal.ts';
import { SealingKeys } from './identity/sealing-keys.ts';
import type { JournalBroken } from './journal/broken.ts';
import type { Journal } from './journal/journal.ts';
import { lockDataFolder } from './journal/lock.ts';
import { openJournal } from './journal/open.ts';
import { grpcDialer } from './link/grpc.ts';
import { followInventory } from './link/inventory.ts';
import { Link } from './link/link.ts';
import { Enforcer } from './policy/enforcer.ts';
import { PolicyFile, type PolicyState } from './policy/policy.file.ts';
import { describePolicy, underPolicy } from './policy/summary.ts';
import { readyFile, type ReadyFile } from './ready-file.ts';
import { exitCodes } from './settings.ts';
import { updateAllowed } from './policy/update.ts';
import { keepUpdated } from './update/keep-updated.ts';
import { keepServers, measure } from './upkeep.ts';
import { version } from './version.ts';

/** Time for running commands to come to a safe point, in milliseconds. */
const graceMs = 10_000;
/** Time for the last frames to leave, in milliseconds. */
const farewellMs = 500;

export interface ProgramInput {
  readonly dataFolder: string;
  /** File that describes the site; undefined for none. */
  readonly siteConfig: string | undefined;
  /** File that says what the site allows; undefined for all that its config allows. */
  readonly policyFile: string | undefined;
  /** Where to dial before what enrolment and sessions said; empty for those alone. */
  readonly endpoints: readonly string[];
  /** Origin of the control plane to recover at; undefined for the one that the agent enrolled at. */
  readonly server?: string | undefined;
  /** Where to tell the site's monitoring how it is, host:port; empty for nowhere. */
  readonly healthListen: string;
  /** Room on the disk that is kept back for the end of what has begun, in bytes. */
  readonly reserveBytes: number;
  /** Room on the disk for log lines that wait for a gateway, in bytes. */
  readonly spoolBytes: number;
  /** File that says that there was a session; empty for none. */
  readonly readyFile?: string;
  /** File with the key that releases are signed with; empty where the agent does not update itself. */
  readonly releaseKey?: string;
  /** How often it is asked which version the agent is to have, in milliseconds. */
  readonly updateCheckMs?: number;
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
 * @throws DataFolderLocked, NotEnrolled, IdentityDamaged, JournalBroken, JournalDamaged, or what the site's config is refused with
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
  const journal = openJournal(input, (error) => dieOf(error, log));
  const policy = new PolicyFile(input.policyFile, (state) => tellPolicy(state, log));
  const enforcer = new Enforcer({ policy: () => policy.current(), journal, wall: () => systemClock.wall() });
  const keys = new SealingKeys(dataFolder);
  const site = await openSiteOf(input, { ...identity, keys }, journal, enforcer);
  enforcer.attach(site);
  policy.current();
  const spool = new LogSpool(join(dataFolder, 'spool.db'), spoolOf(input));
  const ready = readyFile(input.readyFile ?? '', version);
  const parts: Parts = { input, journal, identity, keys, site, enforcer, spool, ready };
  const { link, runner, reports, keeper, keyLog, endpoints } = connect(parts);
  const stopInventory =
    site === undefined
      ? () => undefined
      : followInventory(async () => underPolicy(await site.inventory(), policy.current(), site.ground), link, log);
  const stopKeeping = keepServers(parts, { link, runner, reports });
  const stopMeasuring = measure(parts, { link, keeper, endpoints });
  const stopUpdating = keepUpdated({
    dataFolder,
    server: input.server ?? identity.server,
    releaseKey: input.releaseKey ?? '',
    everyMs: input.updateCheckMs,
    version,
    credentials: () => keeper.credentials(),
    endpoints,
    connected: () => link.ready,
    idle: () => runner.idle && !runner.held,
    allowed: () => updateAllowed(policy.current()),
    log,
  });
  const vitals = {
    connected: () => link.ready,
    openCommands: () => runner.inFlight().length,
    quarantined: () => runner.held,
    version,
  };
  const health = input.healthListen === '' ? undefined : await serveHealth(input.healthListen, vitals);
  let stopped: Promise<void> | undefined;
  return {
    stop: () =>
      (stopped ??= (async () => {
        stopInventory();
        await Promise.all([stopKeeping(), stopMeasuring(), stopUpdating()]);
        health?.close();
        await runner.stop(graceMs);
        await Promise.all([keeper.stop(), keyLog.stop()]);
        link.stop();
        await new Promise<void>((resolve) => void systemClock.after(farewellMs, resolve));
        reports.flush();
        spool.close();
        await site?.close();
        journal.close();
        ready.clear();
        lock.release();
      })()),
  };
}

/** What the parts of a running agent are made of. */
export interface Parts {
  readonly input: ProgramInput;
  readonly journal: Journal;
  readonly identity: Identity;
  readonly keys: SealingKeys;
  readonly site: Site | undefined;
  readonly enforcer: Enforcer;
  readonly spool: LogSpool;
  readonly ready: ReadyFile;
}

const spoolOf = ({ spoolBytes }: ProgramInput): SpoolLimits => ({
  inAll: spoolBytes,
  perCommand: Math.min(spoolLimits.perCommand, spoolBytes),
});

/** Wires runner, reports, link and the certificate's keeper to each other and starts them. */
function connect(parts: Parts): {
  link: Link;
  runner: Runner;
  reports: Reports;
  keeper: CertificateKeeper;
  keyLog: KeyLogWatch;
  endpoints: () => readonly string[];
} {
  const { input, journal, identity, site, enforcer, spool, ready } = parts;
  const { dataFolder, log } = input;
  const clock = systemClock;
  const pins = new PinnedKeys(dataFolder);
  const me: Addressee = { ...identity, key: (id) => pins.key(id), wall: () => clock.wall() };
  const gate: Gate = (asked) => unauthentic(asked, me) ?? enforcer.gate(asked);
  const late: { link?: Link } = {};
  const reports = new Reports({ journal, clock, spool, wake: (urgency) => late.link?.wake(urgency) });
  const handlers = [pingHandler, ...(site?.handlers ?? [])].map(enforcer.guard);
  const runner = new Runner({ journal, reports, handlers, gate, clock, log });
  const guard = new QuarantineGuard({
    folder: new IdentityFolder(dataFolder),
    agentId: identity.agentId,
    clock,
    log,
    hold: () => runner.hold(),
    resume: () => runner.resume(),
  });
  const endpoints = () => [...new Set([...input.endpoints, ...journal.standing().endpoints, ...identity.endpoints])];
  const calls = identityCalls(endpoints, () => keeper.credentials());
  const keeper: CertificateKeeper = new CertificateKeeper({
    dataFolder,
    identity,
    clock,
    random: Math.random,
    log,
    renew: calls.renew,
    recover: recoveryByKey(dataFolder, () => journal.standing(), input.server),
    renewed: (told) => late.link?.move(told),
  });
  const keyLog = watchKeys(parts, calls.sync, guard);
  const link = new Link({
    journal,
    runner,
    reports,
    dialer: pinning(
      grpcDialer(() => keeper.credentials()),
      pins,
      (became) => tellPins(became, pins, log),
    ),
    clock,
    random: Math.random,
    log,
    endpoints: identity.endpoints,
    preferred: input.endpoints,
    despair: () => {
      log.fatal('no gateway was reached for 15 minutes: ending, so that the supervisor starts this anew');
      process.exit(exitCodes.unreachable);
    },
    version,
    refused: (refusal, dialledAt) => {
      guard.refused(refusal);
      if (refusal.reason === 'CERTIFICATE_ENDED') keeper.certificateEnded(dialledAt);
      if (refusal.reason === 'APPROVAL_PENDING')
        log.warn(
          { words: approvalWords(dataFolder) },
          'waiting for approval: compare these words, then `truffle agent approve`',
        );
    },
    welcomed: () => {
      ready.set();
      guard.welcomed();
      keyLog.welcomed();
    },
  });
  late.link = link;
  runner.recover();
  link.start();
  keeper.start();
  return { link, runner, reports, keeper, keyLog, endpoints };
}

function watchKeys(
  { input, identity, keys }: Parts,
  sync: KeyLogDeps['sync'],
  guard: Pick<QuarantineGuard, 'refused'>,
): KeyLogWatch {
  const { dataFolder, log } = input;
  const quarantined: KeyLogDeps['quarantined'] = (why) => guard.refused(why);
  const { agentId } = identity;
  return new KeyLogWatch({
    dataFolder,
    agentId,
    keys,
    clock: systemClock,
    random: Math.random,
    log,
    sync,
    quarantined,
  });
}

async function openSiteOf(
  input: ProgramInput,
  identity: Identity & { readonly keys: SealingKeys },
  journal: Journal,
  { mayDial, mayRemove }: Enforcer,
): Promise<Site | undefined> {
  if (input.siteConfig === undefined) return undefined;
  const deps: SiteDeps = {
    log: input.log,
    agentId: identity.agentId,
    orgId: identity.orgId,
    dataFolder: input.dataFolder,
    sealing: identity.keys,
    mayDial,
    mayRemove,
    numbers: journal.numbers,
    neighbourFile: '/proc/net/arp',
    seeSealedVersion: (secretId, version) => journal.seeSealedVersion(secretId, version),
    generatedSecret: (clusterId, name, make) => journal.generatedSecret(clusterId, name, make),
  };
  // Loaded here so that an agent without a site carries neither its driver nor SSH.
  const { openSite } = await import('./site/site.ts');
  return openSite(input.siteConfig, deps);
}

/** A journal that can't be written ends the process at once: no further effect may begin. */
function dieOf(error: JournalBroken, log: Logger): void {
  log.fatal({ err: error }, 'the journal can not be used: ending');
  process.exit(exitCodes.journal);
}

function tellPolicy(state: PolicyState, log: Logger): void {
  if (state.kind === 'broken') log.error({ problem: state.problem }, 'the policy can not be used: no work is done');
  else log.info({ allows: describePolicy(state.policy) }, 'the policy is in force');
}

function tellPins(became: ReturnType<PinnedKeys['offer']>, pins: PinnedKeys, log: Logger): void {
  if (became === 'pinned') log.warn({ commandKeys: pins.ids }, 'the keys of commands are pinned');
  else if (became === 'refused')
    log.error({ commandKeys: pins.ids }, 'other keys of commands were offered, and no pinned key vouches for them');
}
