#!/usr/bin/env node
// Long, as it is the one list of what the program can be told to do.
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeSettings, readSettings, SettingError } from '@truffle/config';
import pino, { type Logger } from 'pino';
import { exitCodes, settings } from './settings.ts';
import type { TraceExport } from './trace/export.ts';
import { isInstalled, takeInstalledSettings } from './installed.ts';
import { UsageError } from './usage-error.ts';
import { version } from './version.ts';

const help = `truffle-agent ${version}: does on your site what the control plane asks for

  truffle-agent enroll --server URL [--token-file FILE] [--data-dir DIR] [--ca-pin PIN]
      Exchanges a join token (from the file, or from TRUFFLE_JOIN_TOKEN) for an identity. Safe to repeat.
  truffle-agent run [--data-dir DIR] [--config FILE] [--policy FILE] [--join --server URL [--token-file FILE] [--ca-pin PIN]]
      Works until SIGTERM. With --join it enrols first where that is still to be done. Its certificate it renews by itself;
      when that has ended it recovers at the origin that it enrolled at, or at --server.
  truffle-agent preflight --config FILE [--data-dir DIR] [--output json]
      Looks over the site that FILE describes: each missing privilege by path with the commands that grant it, TLS, storages, bridges,
      images, numbers. Needs no identity and changes nothing. Ends with 1 when something is wrong.
  truffle-agent status [--data-dir DIR] [--json]
      Shows who this agent is, whether it is in quarantine and which commands it holds; also while it runs.
  truffle-agent rotate-sealing-key [--data-dir DIR]
      Has secrets sealed to a new key from now on; what was sealed before still opens. The agent does it by itself every 90 days.
  truffle-agent policy check [--policy FILE]
      Reads the site's policy as the agent would and prints what it allows.
  truffle-agent reset --yes [--data-dir DIR]
      Forgets identity, journal and the secrets made on this site: the agent is a new installation then, and can enrol anew.
  truffle-agent doctor [--data-dir DIR] [--server URL] [--config FILE] [--policy FILE] [--json]
      Looks for what can be wrong from the network to the disk; each line with its cause and remedy. Changes nothing. Ends with 1 when
      something is wrong.
  truffle-agent release verify --manifest FILE --key FILE
      Looks whether the manifest of a release is signed by that key; its signature is beside it, FILE.sig.
  truffle-agent apply-update
      Puts in the update that the installed agent brought, and takes it out again when it does not get ready. Its unit runs it, as root.
  truffle-agent uninstall [--yes]
      Removes what install.sh made: program, unit, user, settings and, once asked or with --yes, identity and journal.
  truffle-agent licenses
      Prints the terms of what the program is made of.
  truffle-agent version

Environment
${describeSettings(settings)}

Exit codes: 0 ok, 1 failed, 2 usage, 70 no gateway was reached for 15 minutes, 74 the journal can not be written, 75 another agent works with the data folder,
76 the journal was damaged and is set aside (do not restart by itself)`;

const options = {
  server: { type: 'string' },
  'token-file': { type: 'string' },
  'data-dir': { type: 'string' },
  'ca-pin': { type: 'string' },
  config: { type: 'string' },
  policy: { type: 'string' },
  join: { type: 'boolean' },
  json: { type: 'boolean' },
  output: { type: 'string' },
  yes: { type: 'boolean' },
  manifest: { type: 'string' },
  key: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

const parsed = () => parseArgs({ options, allowPositionals: true });
type Flags = ReturnType<typeof parsed>['values'];

interface Invocation {
  readonly flags: Flags;
  readonly dataFolder: string;
  readonly siteConfig: string | undefined;
  readonly policyFile: string | undefined;
  readonly joinToken: string;
  readonly endpoints: readonly string[];
  readonly healthListen: string;
  readonly reserveBytes: number;
  readonly spoolBytes: number;
  readonly otlpEndpoint: string;
  readonly readyFile: string;
  readonly releaseKey: string;
  readonly updateMs: { readonly checkMs: number; readonly readyMs: number; readonly steadyMs: number };
  readonly log: Logger;
}

const verbs: Readonly<Record<string, (invocation: Invocation) => Promise<void>>> = {
  enroll,
  run,
  preflight,
  status,
  'rotate-sealing-key': rotate,
  'policy check': checkPolicy,
  doctor,
  'release verify': verifyRelease,
  uninstall,
  'apply-update': applyUpdate,
  reset,
};

async function main(): Promise<void> {
  const { values: flags, positionals } = understand();
  const verb = positionals.join(' ') || 'help';
  if (flags.help === true || verb === 'help') return console.log(help);
  if (verb === 'version') return console.log(version);
  if (verb === 'licenses') return printWhole((await import('./licenses.ts')).licenses());
  const act = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined;
  if (act === undefined) throw new UsageError(`unknown: ${verb}`);
  takeInstalledSettings();
  const env = readSettings(settings, process.env, (path) => readFileSync(path, 'utf8'));
  const log = pino(
    { level: env.logLevel, base: { service: 'agent' }, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: true }),
  );
  const config = flags.config ?? env.siteConfig;
  const policyFile = flags.policy ?? env.policy;
  await act({
    flags,
    dataFolder: flags['data-dir'] ?? env.dataFolder,
    siteConfig: config === '' ? undefined : config,
    policyFile: policyFile === '' ? undefined : policyFile,
    joinToken: env.joinToken,
    endpoints: env.endpoints,
    healthListen: env.healthListen,
    reserveBytes: env.reserveMib * 1024 * 1024,
    spoolBytes: env.spoolMib * 1024 * 1024,
    otlpEndpoint: env.otlpEndpoint,
    readyFile: env.readyFile,
    releaseKey: env.releaseKey,
    updateMs: {
      checkMs: env.updateCheckSeconds * 1000,
      readyMs: env.updateReadySeconds * 1000,
      steadyMs: env.updateSteadySeconds * 1000,
    },
    log,
  });
}

/** A pipe takes a long text in parts, and the process ends after this. */
const printWhole = (text: string): Promise<void> =>
  new Promise((resolve) => void process.stdout.write(text, () => resolve()));

function understand(): ReturnType<typeof parsed> {
  try {
    return parsed();
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

async function enroll(invocation: Invocation): Promise<void> {
  const { lockDataFolder } = await import('./journal/lock.ts');
  mkdirSync(invocation.dataFolder, { recursive: true, mode: 0o700 });
  const lock = lockDataFolder(invocation.dataFolder);
  try {
    await exchangeToken(invocation);
  } finally {
    lock.release();
  }
}

async function run(invocation: Invocation): Promise<void> {
  const { dataFolder, siteConfig, policyFile, endpoints, healthListen, reserveBytes, spoolBytes, otlpEndpoint, log } =
    invocation;
  if (invocation.flags.join === true) await enroll(invocation);
  const traces = otlpEndpoint === '' ? undefined : await startTraces(otlpEndpoint);
  const { startProgram } = await import('./program.ts');
  const program = await startProgram({
    dataFolder,
    siteConfig,
    policyFile,
    endpoints,
    server: invocation.flags.server,
    healthListen,
    reserveBytes,
    spoolBytes,
    readyFile: invocation.readyFile,
    releaseKey: isInstalled() ? invocation.releaseKey : '',
    updateCheckMs: invocation.updateMs.checkMs,
    log,
  });
  const stopped = Promise.withResolvers<void>();
  const onSignal = (signal: NodeJS.Signals): void => {
    log.info({ signal }, 'stopping');
    program.stop().then(stopped.resolve, stopped.reject);
  };
  process.once('SIGTERM', onSignal);
  process.once('SIGINT', onSignal);
  log.info({ version, pid: process.pid, dataFolder }, 'agent started');
  await stopped.promise;
  await traces?.close();
  log.info('agent stopped');
}

async function startTraces(endpoint: string): Promise<TraceExport> {
  const { exportTraces } = await import('./trace/export.ts');
  return exportTraces(endpoint, version);
}

/** Enrols where that is still to be done. */
async function exchangeToken({ flags, dataFolder, joinToken, log }: Invocation): Promise<void> {
  const { readIdentity } = await import('./identity/identity.ts');
  const enrolled = readIdentity(dataFolder);
  if (enrolled !== undefined) {
    log.info({ agentId: enrolled.agentId }, 'already enrolled');
    return;
  }
  if (flags.server === undefined) throw new UsageError('--server is missing');
  const tokenFile = flags['token-file'];
  const token = tokenFile === undefined ? joinToken : readFileSync(tokenFile, 'utf8').trim();
  if (token === '') throw new UsageError('there is no join token: give --token-file or TRUFFLE_JOIN_TOKEN');
  const { enroll: enrollWith } = await import('./identity/enroll.ts');
  const identity = await enrollWith({ server: flags.server, token, dataFolder, caPin: flags['ca-pin'], version });
  const { fingerprintWords } = await import('@truffle/sealing');
  log.info(
    { agentId: identity.agentId, orgId: identity.orgId, fingerprint: fingerprintWords(identity.sealing.publicKey) },
    'enrolled',
  );
  const { approvalWords } = await import('./identity/keys.ts');
  log.info({ words: approvalWords(dataFolder) }, 'words to compare where the join token wants approval');
}

async function preflight({ flags, siteConfig, dataFolder }: Invocation): Promise<void> {
  if (siteConfig === undefined) throw new UsageError('--config is missing');
  const { output = flags.json === true ? 'json' : 'text' } = flags;
  if (output !== 'json' && output !== 'text') throw new UsageError('--output must be json or text');
  const { preflight: look } = await import('./preflight.ts');
  if (!(await look(siteConfig, dataFolder, output === 'json', (text) => console.log(text))))
    process.exit(exitCodes.failed);
}

async function doctor(invocation: Invocation): Promise<void> {
  const { doctor: look } = await import('./maintenance.ts');
  const { flags, ...rest } = invocation;
  const input = { ...rest, server: flags.server, version, wall: Date.now };
  if (!(await look(input, flags.json === true, (text) => console.log(text)))) process.exit(exitCodes.failed);
}

async function verifyRelease({ flags: { manifest, key } }: Invocation): Promise<void> {
  const { verifyRelease: look } = await import('./maintenance.ts');
  await look({ manifest, key }, (text) => console.log(text));
}

async function applyUpdate({ dataFolder, updateMs }: Invocation): Promise<void> {
  const { applyInstalled } = await import('./update/system.ts');
  const ending = await applyInstalled(dataFolder, updateMs, (text) => console.log(text));
  if (ending !== undefined && ending.outcome !== 'updated') process.exit(exitCodes.failed);
}

async function uninstall({ flags }: Invocation): Promise<void> {
  const { uninstall: remove } = await import('./maintenance.ts');
  process.exit(await remove(flags.yes === true));
}

async function status({ flags, dataFolder }: Invocation): Promise<void> {
  const { readStatus, describeStatus } = await import('./status.ts');
  const found = await readStatus(dataFolder);
  console.log(flags.json === true ? JSON.stringify(found) : describeStatus(found));
}

async function rotate({ dataFolder }: Invocation): Promise<void> {
  const { rotateSealingKey } = await import('./rotate.ts');
  console.log(await rotateSealingKey(dataFolder));
}

async function checkPolicy({ policyFile }: Invocation): Promise<void> {
  if (policyFile === undefined) throw new UsageError('there is no policy: give --policy or TRUFFLE_AGENT_POLICY');
  const [{ readPolicyFile }, { describePolicy }] = await Promise.all([
    import('./policy/policy.file.ts'),
    import('./policy/summary.ts'),
  ]);
  console.log(describePolicy(readPolicyFile(policyFile)).join('\n'));
}

async function reset({ flags, dataFolder, log }: Invocation): Promise<void> {
  if (flags.yes !== true)
    throw new UsageError('reset forgets identity, journal and the secrets made on this site; say --yes to do it');
  const [{ lockDataFolder }, { journalFiles }, { IdentityFolder }] = await Promise.all([
    import('./journal/lock.ts'),
    import('./journal/quarantine.ts'),
    import('./identity/folder.ts'),
  ]);
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  const lock = lockDataFolder(dataFolder);
  new IdentityFolder(dataFolder).removeAll();
  for (const file of journalFiles) rmSync(join(dataFolder, file), { force: true });
  lock.release();
  log.info({ dataFolder }, 'reset');
}

/** The exit code that a failure ends the process with; errors are told apart by their codes. */
function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError || error instanceof SettingError) return exitCodes.usage;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'DATA_FOLDER_LOCKED') return exitCodes.locked;
  if (code === 'JOURNAL_DAMAGED') return exitCodes.damaged;
  return code === 'JOURNAL_BROKEN' ? exitCodes.journal : exitCodes.failed;
}

try {
  await main();
  process.exit(exitCodes.ok);
} catch (error) {
  console.error(`truffle-agent: ${error instanceof Error ? error.message : String(error)}`);
  if (error instanceof UsageError) console.error('`truffle-agent --help` says more');
  process.exit(exitCodeOf(error));
}
