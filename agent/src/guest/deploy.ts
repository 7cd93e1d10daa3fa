import { Effect, Outcome, type RunDeployment } from '@truffle/api/agent/v1/command';
import { loadTemplate, renderDeployment, type RenderedDeployment, type Secrets } from '@truffle/template-language';
import type { CommandEnd, CommandRun } from '../command/effect.ts';
import { DecodedFailure } from '../command/failure.ts';
import type { GuestAccess } from './connection.ts';
import { filesScript, notifiedDigest, notifiedFile, readFilesOutcome, type Uploads } from './file-script.ts';
import { awaitHealthy } from './health.ts';
import { openSecrets, type SecretOpener } from './secrets.ts';
import { GuestSession } from './session.ts';
import { runStep } from './step.ts';
import { UploadRefused } from './upload.ts';

/** What deployments are run with. */
export interface DeploySite {
  readonly access: GuestAccess;
  readonly secrets: SecretOpener;
}

type Context = Parameters<typeof renderDeployment>[3];
type Server = Parameters<typeof renderDeployment>[2];

/**
 * Brings one deployment onto one server: files, steps in order, health. What is in place already is left, a step that is at work is
 * watched, one that ended is not run again.
 * @throws DecodedFailure, an error of reaching the guest, or the run's signal's reason
 */
export async function runDeployment(site: DeploySite, run: CommandRun, spec: RunDeployment): Promise<CommandEnd> {
  const secrets = await openSecrets(site.secrets, spec);
  for (const value of Object.values(secrets)) run.redact(value);
  const rendered = render(spec, secrets);
  const session = new GuestSession(site.access, spec.serverId, spec.address);
  try {
    const notified = await pushFiles(session, run, spec, rendered);
    for (const [at, step] of rendered.steps.entries()) {
      const digest = step.onChangeOf === undefined ? undefined : notifiedDigest(rendered.files, step.onChangeOf);
      if (digest !== undefined && notified[step.name] === digest) {
        run.log('agent', `step ${step.name}: its files have not changed`);
        continue;
      }
      const note = digest === undefined ? undefined : { path: notifiedFile(spec.deployment, step.name), text: digest };
      await runStep(session, run, { step, number: at + 1, of: rendered.steps.length, note });
    }
    await checkHealth(site, session, run, rendered);
  } finally {
    session.close();
  }
  run.progress('done', `${spec.deployment} is in place`);
  const { health } = rendered;
  const watch =
    health?.remedy === undefined
      ? undefined
      : { deployment: spec.deployment, address: spec.address, health: { ...health, remedy: health.remedy } };
  return {
    outcome: Outcome.SUCCEEDED,
    effect: Effect.FULL,
    watching: { deployment: spec.deployment, watch },
  };
}

/** @returns the digest that each notified step last ran for */
async function pushFiles(session: GuestSession, run: CommandRun, spec: RunDeployment, rendered: RenderedDeployment) {
  const { files, steps } = rendered;
  run.progress(
    'files',
    files.length === 0 ? 'connecting' : `writing ${files.length} file${files.length === 1 ? '' : 's'}`,
  );
  // No observation: what is in place is known by its hash, and each write costs a sync of the disk.
  run.intend('files', { paths: files.map((file) => file.path) });
  const place = async (uploads: Uploads) => {
    const { stdout, stderr } = await session.script(filesScript(spec.deployment, files, steps, uploads), run.signal);
    const outcome = readFilesOutcome(stdout, files);
    if (outcome.failed !== undefined) throw fileFailed(outcome.failed, stderr);
    for (const path of outcome.changed) run.log('agent', `wrote ${path}`);
    return outcome;
  };
  const { wanted, notified } = await place(new Map());
  if (wanted.length > 0) await place(await upload(session, run, files, wanted));
  return notified;
}

/** @returns where on the guest the files' contents lie */
async function upload(
  session: GuestSession,
  run: CommandRun,
  files: RenderedDeployment['files'],
  wanted: readonly number[],
): Promise<Uploads> {
  const uploads = new Map<number, string>();
  for (const at of wanted) {
    const { path = '', content = '' } = files[at] ?? {};
    run.progress('files', `uploading ${path}`);
    const uploaded = await session.upload(Buffer.from(content), run.signal).catch((error: unknown) => {
      throw error instanceof UploadRefused ? fileFailed(path, `${error.message}: is its disk full?`) : error;
    });
    if (uploaded === undefined) {
      run.log('agent', 'the server’s SSH has no SFTP: large files are written by a script');
      return 'inline';
    }
    uploads.set(at, uploaded);
  }
  return uploads;
}

async function checkHealth(
  site: DeploySite,
  session: GuestSession,
  run: CommandRun,
  rendered: RenderedDeployment,
): Promise<void> {
  if (rendered.health === undefined) return;
  run.progress('health', 'waiting for it to be healthy');
  const probe = {
    reach: site.access.reach,
    address: session.address,
    script: (text: string, signal: AbortSignal) => session.script(text, signal),
  };
  await awaitHealthy(probe, rendered.health, run.signal, (text) => run.log('agent', `health: ${text}`));
}

function render(spec: RunDeployment, secrets: Secrets): RenderedDeployment {
  const template = loadTemplate(readJson(spec.templateJson));
  if (!template.ok) throw refused(template.problems);
  const { cluster, server, servers } = readJson(spec.contextJson) as Omit<Context, 'params'> & { server: Server };
  const params = readJson(spec.paramsJson) as Context['params'];
  const rendered = renderDeployment(template.template, spec.deployment, server, { cluster, servers, params }, secrets);
  if (!rendered.ok) throw refused(rendered.problems);
  return rendered;
}

function readJson(bytes: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(bytes));
}

function refused(problems: readonly { readonly path: string; readonly message: string }[]): DecodedFailure {
  const first = problems[0];
  return new DecodedFailure({
    reason: 'TEMPLATE_REFUSED',
    message: first === undefined ? 'The template is refused.' : `${first.path}: ${first.message}`,
    cause: 'The template can’t be rendered for this server.',
    remedy: 'Mend the template, or the values that it was given.',
    logTail: problems.map((each) => `${each.path}: ${each.message}`),
    effect: Effect.NONE,
  });
}

function fileFailed(path: string, stderr: string): DecodedFailure {
  const said = stderr.trim();
  const denied = /sudo|a password is required|not allowed/i.test(said);
  return new DecodedFailure({
    reason: denied ? 'GUEST_SUDO_REFUSED' : 'FILE_FAILED',
    message: path === '' ? 'The server could not run the script that writes files' : `${path} could not be written`,
    cause: said.split('\n').at(-1) ?? '',
    remedy: denied
      ? 'The image must let its cloud-init user run sudo without a password.'
      : 'Check the path and the owner in the template, and the free space on the server.',
    logTail: said.split('\n'),
    retryable: !denied,
    parameters: { path },
  });
}
