import type { RenderedStep } from '@truffle/template-language';
import { CommandStopped, type CommandRun } from '../command/effect.ts';
import { DecodedFailure } from '../command/failure.ts';
import type { GuestSession } from './session.ts';
import {
  forgetScript,
  killScript,
  readStepReport,
  startScript,
  type StepPlace,
  stepPlace,
  type StepReport,
  unwritable,
  watchScript,
} from './step-script.ts';

/** One step of a deployment on one server. */
export interface StepJob {
  readonly step: RenderedStep;
  /** From 1. */
  readonly number: number;
  readonly of: number;
  /** What the step leaves behind on the guest when it succeeds. */
  readonly note: { readonly path: string; readonly text: string } | undefined;
}

const tailLines = 30;
/** `timeout` of coreutils exits with it when it ended the command. */
const timedOut = 124;

/**
 * Runs the step to its end, or watches the run that this command began before. A run that was lost is begun again only when the step is
 * idempotent, and once.
 * @throws DecodedFailure when it fails or its end is unknown
 */
export async function runStep(session: GuestSession, run: CommandRun, job: StepJob): Promise<void> {
  const { step, number } = job;
  const name = `step-${number}`;
  const place = stepPlace(run.commandId, number);
  if (run.recall(name)?.observed !== undefined) return;
  run.progress(`step ${number}/${job.of}`, step.name);
  run.intend(name, { step: step.name, unit: place.unit, dir: place.dir });
  const tail: string[] = [];
  let code = await follow(session, run, place, job, tail);
  if (code === undefined && step.idempotent) {
    run.log('agent', `step ${step.name} was lost; it is idempotent and runs again`);
    await session.script(forgetScript(place), run.signal);
    code = await follow(session, run, place, job, tail);
  }
  if (code === undefined) throw unknownEnd(step, tail);
  if (code !== 0) throw stepFailed(step, code, tail);
  run.observe(name, { exit: code });
}

/** The step's exit status; undefined when it was lost. */
async function follow(
  session: GuestSession,
  run: CommandRun,
  place: StepPlace,
  job: StepJob,
  tail: string[],
): Promise<number | undefined> {
  let offset = 0;
  let script = startScript(place, job.step, job.note);
  for (;;) {
    const report = await report_(session, run, place, script, job.step);
    offset = report.offset;
    if (report.gap > 0) run.log('agent', `${report.gap} bytes of the step's output were not kept: it printed too much`);
    tell(run, report.output, tail);
    if (report.at.state === 'running' || (report.at.state === 'exit' && report.output.length > 0 && !isWhole(report))) {
      script = watchScript(place, offset);
      continue;
    }
    return report.at.state === 'exit' ? report.at.code : undefined;
  }
}

/** A report of an ended step that was cut at the size of a chunk has more to come. */
function isWhole(report: StepReport): boolean {
  return Buffer.byteLength(report.output) < 200 * 1024;
}

async function report_(
  session: GuestSession,
  run: CommandRun,
  place: StepPlace,
  script: string,
  step: RenderedStep,
): Promise<StepReport> {
  try {
    const { stdout, stderr, code } = await session.script(script, run.signal);
    const report = readStepReport(stdout);
    if (report !== undefined) return report;
    if (code === unwritable) throw noRoom(step, stderr);
    throw new DecodedFailure({
      reason: 'GUEST_SCRIPT_FAILED',
      message: `The server could not start step ${step.name} (exit status ${code})`,
      cause: 'Truffle needs sh, coreutils, sudo and systemd on the server.',
      remedy: 'Use an image that has them.',
      logTail: stderr.trim().split('\n'),
      parameters: { step: step.name },
    });
  } catch (error) {
    if (error instanceof CommandStopped && error.why !== 'shutdown') await kill(session, place);
    throw error;
  }
}

/** Best effort: the command is being stopped and the step with it. */
async function kill(session: GuestSession, place: StepPlace): Promise<void> {
  try {
    await session.script(killScript(place), AbortSignal.timeout(10_000));
  } catch {
    // The server can't be reached; the step's own timeout ends it.
  }
}

function tell(run: CommandRun, output: string, tail: string[]): void {
  if (output === '') return;
  run.log('stdout', output);
  tail.push(...output.split('\n').filter((line) => line.trim() !== ''));
  tail.splice(0, Math.max(0, tail.length - tailLines));
}

const fullDisk = /No space left on device|Disk quota exceeded/;
const roomRemedy = 'Free space on the server, or give it a larger disk (truffle server resize), and try again.';

function noRoom(step: RenderedStep, stderr: string): DecodedFailure {
  const said = stderr.trim().split('\n');
  const full = fullDisk.test(stderr);
  return new DecodedFailure({
    reason: full ? 'GUEST_DISK_FULL' : 'GUEST_UNWRITABLE',
    message: `Step ${step.name} did not begin: the server takes no files in /var/lib/truffle`,
    cause: said.at(-1) ?? '',
    remedy: full ? roomRemedy : 'Look why /var/lib/truffle can’t be written on the server, and try again.',
    logTail: said,
    retryable: true,
    parameters: { step: step.name },
  });
}

function stepFailed(step: RenderedStep, code: number, tail: readonly string[]): DecodedFailure {
  const late = code === timedOut;
  const seconds = Math.round(step.timeoutMs / 1000);
  return new DecodedFailure({
    reason: late ? 'STEP_TIMEOUT' : 'STEP_FAILED',
    message: late
      ? `Step ${step.name} was ended after ${seconds} s`
      : `Step ${step.name} failed with exit status ${code}`,
    cause: tail.at(-1) ?? '',
    remedy: late
      ? 'Give the step a longer timeout in the template, or look in its log for what it waits for.'
      : fullDisk.test(tail.join('\n'))
        ? `The server’s disk is full. ${roomRemedy}`
        : 'Read the end of its log, mend the template or the server, and try again.',
    logTail: tail,
    retryable: step.idempotent,
    parameters: { step: step.name, exitCode: String(code) },
  });
}

function unknownEnd(step: RenderedStep, tail: readonly string[]): DecodedFailure {
  return new DecodedFailure({
    reason: 'STEP_UNKNOWN',
    message: `How step ${step.name} ended is unknown`,
    cause:
      'The server restarted, or the step was killed, before it left an exit status; it is not idempotent and is not run again.',
    remedy: 'Look at the server to see how far it came, then redeploy.',
    logTail: tail,
    parameters: { step: step.name },
  });
}
