import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { randomInt } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** What a command of the container wrote and ended with. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A machine with systemd of its own: this one's files under a layer that is thrown away, and one link to this machine. */
export interface Container {
  /** This machine's address on the link. */
  readonly hostAddress: string;
  /** Runs a program in it as root. @param kill ends it by SIGKILL as soon as what it wrote holds that text */
  run(
    args: readonly string[],
    more?: { readonly input?: string; readonly env?: Readonly<Record<string, string>>; readonly killAt?: string },
  ): Promise<Outcome>;
  /** Path on this machine of a path in it. */
  path(inside: string): string;
  /** Paths that differ from this machine's, without logs and what systemd itself keeps. */
  changed(): readonly string[];
  close(): Promise<void>;
}

const bootMs = 30_000;
const runMs = 120_000;
const noise =
  /^\/(?:var\/log|var\/tmp|tmp|run|root|etc\/machine-id|etc\/resolv\.conf|etc\/localtime|etc\/\.pwd\.lock|etc\/(?:passwd|group|shadow|gshadow|subuid|subgid)-?$|var\/lib\/(?:systemd|dbus|private))/;

/** Why there can be no container here; empty when there can be one. */
export function noContainer(): string {
  if (process.platform !== 'linux') return 'this is not Linux';
  if (process.getuid?.() !== 0) return 'this is not root';
  for (const [program, from] of [
    ['systemd-nspawn', 'systemd-container'],
    ['nsenter', 'util-linux'],
    ['ip', 'iproute2'],
  ] as const)
    if (!(process.env['PATH'] ?? '').split(':').some((folder) => existsSync(join(folder, program))))
      return `${program} is missing (package ${from})`;
  if (!existsSync('/lib/systemd/systemd')) return 'systemd is missing';
  return '';
}

/** Boots one. Its network is one that no other of this machine has, as far as chance goes. */
export async function startContainer(): Promise<Container> {
  const no = randomInt(1, 65_000);
  const folder = mkdtempSync(join(tmpdir(), 'truffle-container-'));
  const [layer, work, root] = ['layer', 'work', 'root'].map((name) => join(folder, name)) as [string, string, string];
  const name = `tft${no}`;
  const link = `tft${no}h`;
  const net = `10.${213 + (no >> 13)}.${(no >> 5) & 255}`;
  const base = (no & 31) * 8;
  const [hostAddress, address] = [`${net}.${base + 1}`, `${net}.${base + 2}`];
  const sudo = (program: string, ...args: string[]): void =>
    void execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const undo: (() => void)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const end = (): void => {
    for (const step of undo.toReversed())
      try {
        step();
      } catch {
        // The rest is undone all the same.
      }
  };
  let guest: ChildProcess | undefined;
  try {
    mkdirSync(folder, { recursive: true });
    sudo('mount', '-t', 'tmpfs', '-o', 'size=2g', 'truffle-test', folder);
    undo.push(() => sudo('umount', '-l', folder));
    for (const path of [layer, work, root]) mkdirSync(path);
    sudo('mount', '-t', 'overlay', '-o', `lowerdir=/,upperdir=${layer},workdir=${work}`, 'truffle-test', root);
    undo.push(() => sudo('umount', '-l', root));
    prepare(root);
    sudo('ip', 'netns', 'add', name);
    undo.push(() => sudo('ip', 'netns', 'del', name));
    sudo('ip', 'link', 'add', link, 'type', 'veth', 'peer', 'name', 'host0', 'netns', name);
    sudo('ip', 'addr', 'add', `${hostAddress}/29`, 'dev', link);
    sudo('ip', 'link', 'set', link, 'up');
    sudo('ip', '-n', name, 'link', 'set', 'lo', 'up');
    sudo('ip', '-n', name, 'addr', 'add', `${address}/29`, 'dev', 'host0');
    sudo('ip', '-n', name, 'link', 'set', 'host0', 'up');
    const options = [
      '--quiet',
      '--register=no',
      '--keep-unit',
      `--machine=${name}`,
      `--network-namespace-path=/run/netns/${name}`,
    ];
    const pipes = [
      '--console=pipe',
      '--resolv-conf=off',
      '--timezone=off',
      '--link-journal=no',
      '--boot',
      '--directory',
    ];
    guest = spawn('systemd-nspawn', [...options, ...pipes, root, 'systemd.unit=multi-user.target'], {
      stdio: ['ignore', 'ignore', 'ignore'],
    });
    const ended = new Promise((done) => guest?.once('exit', done));
    // A test that was ended leaves no machine behind.
    const killed = (): void => {
      guest?.kill('SIGKILL');
      end();
    };
    process.once('exit', killed);
    guest.once('exit', () => process.off('exit', killed));
    const pid = await until('the container to start', () => firstChild(guest?.pid ?? 0));
    const container = containerOf(pid, { hostAddress, root, layer }, async () => {
      // As a power button would; a container that does not heed it is ended.
      guest?.kill('SIGTERM');
      const timer = setTimeout(() => guest?.kill('SIGKILL'), 20_000);
      await ended;
      clearTimeout(timer);
      end();
    });
    const running = async (): Promise<boolean> =>
      /running|degraded/.test((await container.run(['systemctl', 'is-system-running'])).stdout);
    await until('the container to have booted', running);
    return container;
  } catch (error) {
    guest?.kill('SIGKILL');
    end();
    throw error;
  }
}

/** Nothing of this machine's own starts in it. */
function prepare(root: string): void {
  const units = join(root, 'etc/systemd/system');
  for (const each of readdirSync(units)) rmSync(join(units, each), { recursive: true, force: true });
  writeFileSync(join(root, 'etc/machine-id'), '');
  writeFileSync(join(root, 'etc/hostname'), 'site\n');
  for (const each of [
    'systemd-networkd-wait-online.service',
    'systemd-resolved.service',
    'systemd-udevd.service',
    'getty.target',
    'console-getty.service',
  ])
    execFileSync('ln', ['-sfn', '/dev/null', join(units, each)]);
}

async function until<T>(what: string, probe: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  const deadline = performance.now() + bootMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`waited ${bootMs} ms in vain for ${what}`);
    await delay(20);
  }
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

function firstChild(pid: number): number | undefined {
  const file = `/proc/${pid}/task/${pid}/children`;
  const [child] = existsSync(file) ? readFileSync(file, 'utf8').trim().split(' ') : [];
  if (child === undefined || child === '') return undefined;
  // Its own helper comes first; systemd is what it became.
  return readFileSync(`/proc/${child}/comm`, 'utf8').trim() === 'systemd' ? Number(child) : undefined;
}

function containerOf(
  pid: number,
  { hostAddress, root, layer }: { readonly hostAddress: string; readonly root: string; readonly layer: string },
  close: () => Promise<void>,
): Container {
  const path = (inside: string): string => join(root, inside);
  return {
    hostAddress,
    path,
    close,
    changed: () =>
      execFileSync('find', [layer, '-mindepth', '1'], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => line.slice(layer.length))
        // A folder of this machine's that something was put into, and is empty again, is as it was.
        .filter((each) => !noise.test(each) && !(isFolder(each) && isFolder(join(layer, each))))
        .toSorted(),
    run: (args, { input = '', env = {}, killAt } = {}) =>
      new Promise<Outcome>((resolve) => {
        const inside = ['-t', String(pid), '-m', '-u', '-i', '-n', '-p', '--', ...args];
        const child = execFile(
          'nsenter',
          inside,
          {
            env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', ...env },
            timeout: runMs,
            killSignal: 'SIGKILL',
            cwd: '/',
          },
          (error, stdout, stderr) =>
            resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, stdout, stderr }),
        );
        child.stdin?.on('error', () => undefined);
        child.stdin?.end(input);
        if (killAt === undefined) return;
        let written = '';
        child.stdout?.on('data', (text: string) => {
          written += text;
          if (!written.includes(killAt)) return;
          // nsenter forks for another process namespace: what runs in it is its child.
          const inner = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
          for (const each of inner.split(' ').filter((text) => text !== '')) process.kill(Number(each), 'SIGKILL');
        });
      }),
  };
}
