/**
 * 100 MB by SFTP to OpenSSH's server on loopback: the agent's upload beside OpenSSH's own `sftp`, in turn.
 * Usage: node bench/sftp.ts [--megabytes 100] [--runs 5]; needs root, openssh-server and openssh-client.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { GuestSession } from '../agent/src/guest/session.ts';
import { noSshd, startSshd } from '../agent/src/guest/sshd.fixture.ts';
import { median, noise } from './stack.ts';

const { values } = parseArgs({
  options: { megabytes: { type: 'string', default: '100' }, runs: { type: 'string', default: '5' } },
});
const [megabytes, runs] = [Number(values.megabytes), Number(values.runs)];
if (noSshd !== undefined) throw new Error(noSshd);

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}

const folder = mkdtempSync(join(tmpdir(), 'truffle-bench-sftp-'));
const content = randomBytes(megabytes * 1_000_000);
writeFileSync(join(folder, 'content'), content);
writeFileSync(join(folder, 'batch'), `put ${join(folder, 'content')} by-openssh\n`);
const run = promisify(execFile);
const ours: number[] = [];
const theirs: number[] = [];
{
  await using sshd = await startSshd();
  writeFileSync(join(folder, 'key'), sshd.access.key.privateKey, { mode: 0o600 });
  const options = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR'];
  const args = [
    ...options.flatMap((option) => ['-o', option]),
    '-i',
    join(folder, 'key'),
    '-P',
    String(sshd.port),
    '-b',
    join(folder, 'batch'),
    `${sshd.access.user}@127.0.0.1`,
  ];
  for (let at = 0; at < runs; at++) {
    // Each with its own connection, as OpenSSH's makes one each time.
    ours.push(
      await seconds(async () => {
        const session = new GuestSession(sshd.access, 'srv_bench', '127.0.0.1');
        await session.upload(content, AbortSignal.timeout(120_000));
        session.close();
      }),
    );
    theirs.push(await seconds(() => run('sftp', args)));
  }
}
rmSync(folder, { recursive: true, force: true });
const ratio = median(ours.map((each, at) => each / (theirs[at] ?? Number.NaN)));
console.log(`| ${megabytes} MB by | median of ${runs} |
|---|---|
| the agent | ${median(ours).toFixed(2)} s |
| OpenSSH's sftp | ${median(theirs).toFixed(2)} s |
| ratio in one round | **${ratio.toFixed(2)}x** (goal 1.3x) |

noise ${noise()}`);
