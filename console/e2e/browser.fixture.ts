import { existsSync } from 'node:fs';
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core';
import { describe, expect, onTestFailed } from 'vitest';
import { photograph } from './screenshots.fixture.ts';

const places = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
];
const executablePath = process.env['TRUFFLE_CHROMIUM'] ?? places.find((path) => existsSync(path));

/** Tests in a real browser; where there is none they are skipped, and say so. */
export function describeInBrowser(name: string, tests: () => void): void {
  if (executablePath === undefined)
    process.stderr.write(
      `SKIPPED: ${name}: there is no Chromium (apt-get install chromium, or set TRUFFLE_CHROMIUM)\n`,
    );
  describe.skipIf(executablePath === undefined)(name, tests);
}

export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    ...(executablePath === undefined ? {} : { executablePath }),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** A person at a browser of their own, who writes down all that goes wrong. */
export interface Visitor {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Bodies of everything that the page sent. */
  readonly sent: readonly string[];
  /** Fails with what went wrong since it was last asked: errors in the console, CSP violations, exceptions, answers of 5xx. */
  expectNoFaults(): void;
  /** Fails when a secret lies where a script or a neighbour finds it. */
  expectNoSecrets(): Promise<void>;
  close(): Promise<void>;
}

/** What the browser says of its own accord of an answer of 4xx: the page shows that one. */
const told = /^Failed to load resource: the server responded with a status of 4\d\d/;
/** Credentials of the API by their prefixes. */
const secret = /tf[a-z]_[\w-]{8,}/;

/** In the page. */
const tellViolations = `document.addEventListener('securitypolicyviolation', (event) =>
  console.error('CSP: ' + event.violatedDirective + ' ' + event.blockedURI + ' ' + event.sourceFile));`;
const everythingStored = 'JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])';

/** A fragment never leaves the browser; that of a mail's link is to be gone once the page is there. */
const withoutFragment = (url: string): string => url.split('#')[0] ?? '';

export interface VisitorOptions extends BrowserContextOptions {
  /** Faults that the test makes itself. */
  readonly tolerates?: RegExp;
}

export async function visit(browser: Browser, baseURL: string, options: VisitorOptions = {}): Promise<Visitor> {
  const { tolerates, ...rest } = options;
  const context = await browser.newContext({
    baseURL,
    viewport: { width: 1280, height: 800 },
    reducedMotion: 'reduce',
    ...rest,
  });
  context.setDefaultTimeout(15_000);
  const faults: string[] = [];
  const sent: string[] = [];
  const addresses = new Set<string>();
  const fault = (text: string): void => {
    if (!told.test(text) && tolerates?.test(text) !== true) faults.push(text);
  };
  await context.addInitScript({ content: tellViolations });
  const page = await context.newPage();
  const test = expect.getState().currentTestName;
  if (test !== undefined) onTestFailed(() => photograph(page, `failed.${test.replaceAll(/\W+/g, '-').slice(-100)}`));
  page.on('console', (message) => {
    if (message.type() === 'error') fault(message.text());
  });
  page.on('pageerror', (error) => fault(error.stack ?? error.message));
  page.on('request', (request) => {
    addresses.add(withoutFragment(request.url()));
    const body = request.postDataBuffer();
    if (body !== null) sent.push(body.toString('utf8'));
  });
  page.on('response', (response) => {
    if (response.status() >= 500) fault(`${response.status()} ${response.url()}`);
  });
  return {
    page,
    context,
    sent,
    expectNoFaults: () => expect(faults.splice(0)).toEqual([]),
    expectNoSecrets: async () => {
      const stored = await page.evaluate<string>(everythingStored);
      expect(stored).not.toMatch(secret);
      addresses.add(page.url());
      expect([...addresses].filter((address) => secret.test(address))).toEqual([]);
    },
    close: () => context.close(),
  };
}
