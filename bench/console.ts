/**
 * The console in a real Chromium on the whole product: script of the first load, the journey from sign-up to a ready cluster with a pause of
 * one second after each click, an event's way from the answer of the call that made it into the page, and Lighthouse on the overview where
 * LIGHTHOUSE names its command line (`npm install --prefix /tmp/lh lighthouse@13.5.0`, LIGHTHOUSE=/tmp/lh/node_modules/.bin/lighthouse).
 * Usage: node bench/console.ts [--events N]
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import { chromium, type BrowserContext, type Page } from 'playwright-core';
import { buildConsole, firstLoadBytes } from '../console/build.ts';
import { siteMachine } from '../console/e2e/agent.fixture.ts';
import { firstMinutes } from '../console/e2e/first-minutes.fixture.ts';
import { readJson, openStateFolder } from '../deploy/local/src/state-folder.ts';
import { percentile } from './quantile.ts';
import { clientOf, noise, startStack, type BenchStack } from './stack.ts';

const { values } = parseArgs({ options: { events: { type: 'string', default: '60' } } });
const debugPort = 9333;
const clickMs = 1_000;
const goal = { event: 300, journey: 180, performance: 95, firstLoadKb: 250 };

/** In the page: when each project's name was first drawn, by this machine's clock. */
const watchNames = `globalThis.drawn = {};
new MutationObserver((changes) => {
  for (const { addedNodes } of changes)
    for (const node of addedNodes)
      for (const [name] of (node.textContent ?? '').matchAll(/bench-event-\\d+/g)) globalThis.drawn[name] ??= Date.now();
}).observe(document.body, { childList: true, subtree: true });`;

console.log(`noise of the machine: ${noise()}`);
console.log(
  `first load: ${(firstLoadBytes(await buildConsole()) / 1000).toFixed(1)} kB of brotli (goal ${goal.firstLoadKb})`,
);

const profile = mkdtempSync(join(tmpdir(), 'truffle-bench-profile-'));
const stack = await startStack();
const context = await chromium.launchPersistentContext(profile, {
  executablePath: process.env['TRUFFLE_CHROMIUM'] ?? '/usr/bin/chromium',
  baseURL: stack.info.url,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', `--remote-debugging-port=${debugPort}`],
});
try {
  await journey(context);
  const page = await signedIn(context, stack);
  await events(page, stack, Number(values.events));
  await lighthouse(page);
} finally {
  await context.close();
  await stack.stop();
  rmSync(profile, { recursive: true, force: true });
}

async function journey(browser: BrowserContext): Promise<void> {
  const machine = await siteMachine();
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  const began = performance.now();
  const person = { org: 'bench-journey', password: 'correct horse battery', machine, pause: () => delay(clickMs) };
  await firstMinutes(page, person);
  console.log(
    `journey, one second after each click: ${((performance.now() - began) / 1000).toFixed(0)} s (goal ${goal.journey})`,
  );
  await machine.close();
  await page.close();
}

async function signedIn(browser: BrowserContext, { stateDir }: BenchStack): Promise<Page> {
  await browser.clearCookies();
  const { email, password } = readJson(join(openStateFolder(stateDir).root, 'owner.json')) as Record<string, string>;
  const page = await browser.newPage();
  await page.goto('/sign-in');
  await page.getByLabel('E-mail address').fill(email ?? '');
  await page.getByLabel('Password').fill(password ?? '');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  return page;
}

async function events(page: Page, { info }: BenchStack, count: number): Promise<void> {
  const api = clientOf(info);
  const { workspaces } = await api.workspaces.listWorkspaces({ orgId: info.orgId });
  await page.keyboard.press('Control+k');
  await page.getByRole('option', { name: 'default' }).waitFor();
  await page.evaluate(watchNames);
  const answered = new Map<string, number>();
  const asked = new Map<string, number>();
  for (let i = 0; i < count; i++) {
    const name = `bench-event-${i}`;
    asked.set(name, Date.now());
    const { project } = await api.projects.createProject({ workspaceId: workspaces[0]?.id ?? '', name });
    answered.set(name, Date.now());
    await page.getByRole('option', { name, exact: true }).waitFor();
    // The plan bounds how many there are.
    await api.projects.deleteProject({ projectId: project?.id ?? '' });
    await page.getByRole('option', { name, exact: true }).waitFor({ state: 'detached' });
  }
  const drawn = await page.evaluate<Record<string, number>>('globalThis.drawn');
  const since = (times: ReadonlyMap<string, number>): number[] =>
    [...times].map(([name, at]) => Math.max(0, (drawn[name] ?? Number.NaN) - at));
  for (const [what, times] of [
    ['from the answer of the call', answered],
    ['from the call itself', asked],
  ] as const) {
    const ms = since(times);
    console.log(
      `event to page, ${what}: p50 ${percentile(ms, 0.5)} ms, p95 ${percentile(ms, 0.95)} ms of ${count} (goal ${goal.event})`,
    );
  }
}

async function lighthouse(page: Page): Promise<void> {
  const program = process.env['LIGHTHOUSE'];
  if (program === undefined) return console.log('lighthouse: not measured (LIGHTHOUSE names no program)');
  const url = page.url();
  for (const preset of ['desktop', 'perf'] as const) {
    const output = join(profile, `${preset}.json`);
    const args = [
      url,
      `--port=${debugPort}`,
      `--preset=${preset}`,
      '--disable-storage-reset',
      '--only-categories=performance',
    ];
    await promisify(execFile)(process.execPath, [
      program,
      ...args,
      '--output=json',
      `--output-path=${output}`,
      '--quiet',
    ]);
    const { categories, audits } = JSON.parse(readFileSync(output, 'utf8')) as LighthouseReport;
    const shown = [
      'first-contentful-paint',
      'largest-contentful-paint',
      'total-blocking-time',
      'cumulative-layout-shift',
    ];
    const parts = shown.map((name) => `${name} ${audits[name]?.displayValue ?? '–'}`);
    console.log(
      `lighthouse, ${preset}: ${Math.round((categories.performance?.score ?? 0) * 100)} (goal ${goal.performance}); ${parts.join(', ')}`,
    );
  }
}

interface LighthouseReport {
  readonly categories: { readonly performance?: { readonly score: number } };
  readonly audits: Readonly<Record<string, { readonly displayValue?: string }>>;
}
