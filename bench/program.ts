import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleAgent } from '../agent/bundle.ts';
import { clientOf, type BenchStack } from './stack.ts';

/** Something that can be started, and what goes before its own arguments. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
}

export const node: Program = { command: process.execPath, args: [] };

/** The agent as the bundle that Node runs. */
export async function bundledAgent(): Promise<Program> {
  const { entry, flags } = await bundleAgent();
  return { command: process.execPath, args: [...flags, entry] };
}

/** Starts it, and answers when it wrote `said`: the process and the milliseconds that took. */
export async function startUntil(
  program: Program,
  args: readonly string[],
  said: string,
  env: NodeJS.ProcessEnv = {},
): Promise<{ readonly child: ChildProcess; readonly ms: number }> {
  const began = performance.now();
  const child = spawn(program.command, [...program.args, ...args], { env: { PATH: process.env['PATH'], ...env } });
  await new Promise<void>((done, failed) => {
    let written = '';
    const look = (chunk: Buffer): void => {
      written += chunk.toString();
      if (written.includes(said)) done();
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
    child.once('exit', (code) => failed(new Error(`ended with code ${code}: ${written.slice(-1_000)}`)));
  });
  return { child, ms: performance.now() - began };
}

/** Ends it as its supervisor would, and answers when it is gone. */
export async function end(child: ChildProcess): Promise<void> {
  const gone =
    child.exitCode === null && child.signalCode === null ? new Promise((done) => child.once('exit', done)) : undefined;
  child.kill('SIGTERM');
  await gone;
}

/**
 * Enrols an agent of that name on the stack's site, with its data below `folder`, and answers the arguments that it is run with.
 * @param numbers of its servers, as the site config says them, where they must not be those of the stack's own agent
 */
export async function enrolProbe(
  stack: BenchStack,
  program: Program,
  { folder, name, numbers }: { readonly folder: string; readonly name: string; readonly numbers?: string },
): Promise<readonly string[]> {
  const { orgId, url } = stack.info;
  const { token } = await clientOf(stack.info).agents.createJoinToken({ orgId, agentName: name });
  const dataDir = join(folder, name);
  mkdirSync(dataDir, { mode: 0o700 });
  const config = join(folder, `${name}.yaml`);
  const site = readFileSync(join(stack.stateDir, 'agent', 'site.yaml'), 'utf8');
  writeFileSync(config, numbers === undefined ? site : site.replace('20000-29999', numbers), { mode: 0o600 });
  const data = ['--data-dir', dataDir];
  const enrolling = ['enroll', '--server', url, ...data];
  const { child } = await startUntil(program, enrolling, 'enrolled', { TRUFFLE_JOIN_TOKEN: token });
  if (child.exitCode === null) await new Promise((done) => child.once('exit', done));
  return ['run', ...data, '--config', config];
}
