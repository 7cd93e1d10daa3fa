import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheFolder } from '@truffle/config';
import { until } from '@truffle/testkit';
import { freePort } from '@truffle/testkit/free-port';

const version = '26.7.3';
const artifact = `org.keycloak:keycloak-quarkus-dist:${version}:zip`;
const admin = { name: 'admin', password: 'for a test' };
const fetchMilliseconds = 300_000;
const startMilliseconds = 180_000;

/** Where Keycloak is, fetched by Maven into the engines' cache once; or why there is none. */
export function findKeycloak(): { readonly home: string } | { readonly missing: string } {
  const folder = join(cacheFolder(process.env), 'engines');
  const home = join(folder, `keycloak-${version}`);
  const java = run('java', ['-version'], folder);
  if (java !== undefined) return { missing: `there is no Java (${java}); install JDK 17 or later` };
  if (existsSync(join(home, 'bin', 'kc.sh'))) return { home };
  mkdirSync(folder, { recursive: true });
  const draft = mkdtempSync(join(folder, '.keycloak-'));
  try {
    const goal = ['-q', '-B', 'org.apache.maven.plugins:maven-dependency-plugin:copy'];
    const copied = run('mvn', [...goal, `-Dartifact=${artifact}`, `-DoutputDirectory=${draft}`], draft);
    if (copied !== undefined) return { missing: `Maven did not give ${artifact} (${copied})` };
    const unpacked = run('jar', ['xf', join(draft, `keycloak-quarkus-dist-${version}.zip`)], draft);
    if (unpacked !== undefined) return { missing: `the package could not be unpacked (${unpacked})` };
    if (!existsSync(home)) renameSync(join(draft, `keycloak-${version}`), home);
    return { home };
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** What went wrong; undefined for nothing. */
function run(program: string, args: readonly string[], cwd: string): string | undefined {
  const ended = spawnSync(program, args, {
    ...(existsSync(cwd) ? { cwd } : {}),
    timeout: fetchMilliseconds,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  if (ended.error !== undefined) return ended.error.message;
  return ended.status === 0 ? undefined : `${program} ended with ${ended.status}: ${ended.stderr.slice(-300)}`;
}

/** A Keycloak with one realm. */
export class Keycloak {
  readonly url: string;
  readonly realm = 'staff';
  readonly #child: ChildProcess;
  readonly #said: () => string;

  private constructor(url: string, child: ChildProcess, said: () => string) {
    this.url = url;
    this.#child = child;
    this.#said = said;
  }

  static async start(home: string): Promise<Keycloak> {
    const port = await freePort();
    const child = spawn(
      'sh',
      [
        join(home, 'bin', 'kc.sh'),
        'start-dev',
        '--db=dev-mem',
        '--http-host=127.0.0.1',
        `--http-port=${port}`,
        '--health-enabled=false',
      ],
      {
        env: {
          PATH: process.env['PATH'],
          HOME: tmpdir(),
          JAVA_OPTS_KC_HEAP: '-Xms128m -Xmx512m',
          KC_BOOTSTRAP_ADMIN_USERNAME: admin.name,
          KC_BOOTSTRAP_ADMIN_PASSWORD: admin.password,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
        // A group of its own: the script starts Java, which is to end with it.
        detached: true,
      },
    );
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(-4_000)));
    const keycloak = new Keycloak(`http://127.0.0.1:${port}`, child, () => said);
    await keycloak.#ready();
    return keycloak;
  }

  /** The issuer of the realm. */
  get issuer(): string {
    return `${this.url}/realms/${this.realm}`;
  }

  /** Asks the administration API. */
  async administer(method: 'POST' | 'PUT' | 'GET', path: string, body?: unknown): Promise<unknown> {
    const { access_token: token } = await this.#token('master', {
      client_id: 'admin-cli',
      username: admin.name,
      password: admin.password,
    });
    const answer = await fetch(`${this.url}/admin/realms${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    const text = await answer.text();
    return text === '' ? undefined : JSON.parse(text);
  }

  /** A person's access token by a client that may have it for the password. */
  async accessToken(client: string, secret: string, username: string, password: string): Promise<string> {
    const fields = { client_id: client, client_secret: secret, username, password, scope: 'openid email' };
    return (await this.#token(this.realm, fields)).access_token;
  }

  /** Signs a person in by the realm's own pages and answers what it redirects with. */
  async signIn(
    begun: string,
    username: string,
    password: string,
  ): Promise<{ code: string; state: string; iss: string }> {
    const first = await fetch(begun, { redirect: 'manual' });
    const cookie = first.headers
      .getSetCookie()
      .map((each) => each.split(';')[0])
      .join('; ');
    const action = /action="([^"]+)"/.exec(await first.text())?.[1]?.replaceAll('&amp;', '&') ?? '';
    const answer = await fetch(action, {
      method: 'POST',
      redirect: 'manual',
      headers: { cookie },
      body: new URLSearchParams({ username, password }),
    });
    const { searchParams } = new URL(answer.headers.get('location') ?? '', this.url);
    const of = (key: string) => searchParams.get(key) ?? '';
    return { code: of('code'), state: of('state'), iss: of('iss') };
  }

  async close(): Promise<void> {
    if (this.#child.pid === undefined || this.#child.exitCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    process.kill(-this.#child.pid, 'SIGKILL');
    await ended;
  }

  async #ready(): Promise<void> {
    try {
      await until(
        'Keycloak answers',
        () => {
          if (this.#child.exitCode !== null) throw new Error('Keycloak ended');
          return fetch(`${this.url}/realms/master`).then(
            (answer) => answer.ok,
            () => false,
          );
        },
        startMilliseconds,
      );
    } catch (error) {
      await this.close();
      throw new Error(`Keycloak did not start; it said:\n${this.#said()}`, { cause: error });
    }
  }

  async #token(realm: string, fields: Record<string, string>): Promise<{ access_token: string }> {
    const answer = await fetch(`${this.url}/realms/${realm}/protocol/openid-connect/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'password', ...fields }),
    });
    if (!answer.ok) throw new Error(`no token of ${realm}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as { access_token: string };
  }
}
