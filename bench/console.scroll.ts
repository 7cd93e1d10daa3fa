/**
 * A list of 10,000 servers is scrolled in real Chromium, and frames that came late are counted; beside it, in the same run and the same browser,
 * a list of as many plain rows of which only those in the window are drawn, by hand and without a framework: the least that such a list costs.
 * Usage: node bench/console.scroll.ts [--frames N] [--runs N]
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { chromium, type Page } from 'playwright-core';
import { fillCluster } from '../console/e2e/servers.fixture.ts';
import { newCluster } from '../console/e2e/world.fixture.ts';
import { openStateFolder, readJson } from '../deploy/local/src/state-folder.ts';
import { median, percentile } from './quantile.ts';
import { clientOf, noise, startStack } from './stack.ts';

const { values } = parseArgs({
  options: { frames: { type: 'string', default: '600' }, runs: { type: 'string', default: '3' } },
});
const frames = Number(values.frames);
const runs = Number(values.runs);
const servers = 10_000;
/** At 60 frames a second; a frame that took half as long again was late. */
const budgetMs = 1_000 / 60;
const lateMs = 1.5 * budgetMs;
/** A fast flick: most of the window is new with each frame. */
const stepPx = 300;

/** In the page: scrolls on with each frame, and answers how long each took. */
const scroll = `new Promise((done) => {
  const times = [];
  let last = performance.now();
  scrollTo(0, 0);
  const turn = (now) => {
    times.push(now - last);
    last = now;
    if (times.length > ${frames}) return done(times.slice(1));
    scrollBy(0, ${stepPx});
    requestAnimationFrame(turn);
  };
  requestAnimationFrame(turn);
})`;

/** The least: rows of six cells, recycled, their texts set as the window moves. */
const bare = `<!doctype html><meta charset="utf-8"><style>
  body { margin: 0; font: 14px system-ui } #all { position: relative; height: ${servers * 45}px }
  .row { position: absolute; left: 0; right: 0; height: 45px; display: grid; grid-template-columns: repeat(6, 1fr); border-bottom: 1px solid #ddd }
</style><div id="all"></div><script>
  const all = document.getElementById('all');
  const rows = Array.from({ length: 60 }, () => {
    const row = document.createElement('div');
    row.className = 'row';
    for (let i = 0; i < 6; i++) row.append(document.createElement('span'));
    all.append(row);
    return row;
  });
  const draw = () => {
    const first = Math.max(0, Math.floor(scrollY / 45) - 12);
    rows.forEach((row, i) => {
      const n = first + i;
      row.style.transform = 'translateY(' + n * 45 + 'px)';
      [...row.children].forEach((cell, at) => { cell.textContent = ['many-vm-' + n, 'Ready', '10.0.0.' + n % 255, 'pve1', '1 CPU', '-'][at]; });
    });
  };
  addEventListener('scroll', draw);
  draw();
</script>`;

async function measured(page: Page): Promise<readonly number[]> {
  return page.evaluate<number[]>(scroll);
}

function tell(what: string, all: readonly (readonly number[])[]): number {
  const late = all.map((times) => times.filter((ms) => ms > lateMs).length);
  const flat = all.flat();
  console.log(
    `${what}: ${median(late)} of ${frames} frames later than ${lateMs.toFixed(0)} ms (runs: ${late.join(', ')}); ` +
      `p50 ${percentile(flat, 0.5).toFixed(1)} ms, p99 ${percentile(flat, 0.99).toFixed(1)} ms, worst ${Math.max(...flat).toFixed(0)} ms`,
  );
  return median(late);
}

console.log(`noise of the machine: ${noise()}`);
const stack = await startStack({ simulator: ['--clone-ms', '100', '--boot-ms', '100'] });
const browser = await chromium.launch({
  executablePath: process.env['TRUFFLE_CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic'],
});
try {
  const { info, stateDir } = stack;
  const api = clientOf(info);
  const { clusterId } = await newCluster({ api, ...info }, 'scrolled');
  await fillCluster(info.databaseUrl, clusterId, servers);
  const viewport = { width: 1280, height: 800 };
  const floor = await browser.newPage({ viewport });
  await floor.setContent(bare);
  const page = await browser.newPage({ viewport, baseURL: info.url });
  page.setDefaultTimeout(60_000);
  await openList(page, stateDir, clusterId, info.orgId);
  const least: (readonly number[])[] = [];
  const own: (readonly number[])[] = [];
  for (let run = 0; run < runs; run++) {
    await floor.bringToFront();
    least.push(await measured(floor));
    await page.bringToFront();
    own.push(await measured(page));
  }
  const few = tell('a bare list', least);
  const many = tell(`the list of ${servers.toLocaleString('en')} servers`, own);
  console.log(`late frames beyond the bare list's: ${Math.max(0, many - few)} of ${frames} (goal 0)`);
} finally {
  await browser.close();
  await stack.stop();
}

/** Signs in, opens the list and scrolls once to its end, so that all rows have come. */
async function openList(page: Page, stateDir: string, clusterId: string, orgId: string): Promise<void> {
  const { email, password } = readJson(join(openStateFolder(stateDir).root, 'owner.json')) as Record<string, string>;
  await page.goto('/sign-in');
  await page.getByLabel('E-mail address').fill(email ?? '');
  await page.getByLabel('Password').fill(password ?? '');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  const api = clientOf(stack.info);
  const { organization } = await api.organizations.getOrganization({ orgId });
  const { project } = await api.projects.getProject({ projectId: stack.info.projectId });
  await page.goto(`/o/${organization?.name}/p/${project?.name}/clusters/${clusterId}?tab=servers`);
  await page.getByRole('rowheader').first().waitFor();
  const toEnd = `(scrollTo(0, document.documentElement.scrollHeight),
    Number(document.querySelector('table')?.getAttribute('aria-rowcount')) > ${servers})`;
  while (!(await page.evaluate<boolean>(toEnd))) await delay(250);
}
