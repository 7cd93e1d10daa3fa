import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSimulator, type Simulator } from '@truffle/simulator';
import { bundledAgent } from '../../deploy/local/src/agent-program.ts';

/** A machine beside a simulated hypervisor of its own, with the agent's program installed and nothing done yet. */
export interface SiteMachine {
  /** Runs what a person pasted into a shell there; it goes on until `close`. */
  paste(command: string): void;
  /** What the shell's commands said. */
  said(): string;
  close(): Promise<void>;
}

export async function siteMachine(): Promise<SiteMachine> {
  const home = mkdtempSync(join(tmpdir(), 'truffle-machine-'));
  const [simulator, program] = await Promise.all([
    startSimulator({ cloneMs: 100, bootMs: 100, authDelayMs: 0 }),
    bundledAgent(AbortSignal.timeout(60_000)),
  ]);
  const bin = join(home, 'bin');
  mkdirSync(bin);
  const agent = join(bin, 'truffle-agent');
  const words = [process.execPath, ...program].map((word) => `'${word}'`);
  writeFileSync(agent, `#!/bin/sh\nexec ${words.join(' ')} "$@"\n`);
  chmodSync(agent, 0o755);
  const config = writeSite(home, simulator);
  let shell: ChildProcess | undefined;
  let output = '';
  const end = (signal: NodeJS.Signals): void => {
    // The shell and what it runs are one group.
    if (shell?.pid !== undefined && shell.exitCode === null && shell.signalCode === null)
      process.kill(-shell.pid, signal);
  };
  const killed = (): void => end('SIGKILL');
  process.once('exit', killed);
  return {
    paste(command) {
      shell = spawn('sh', ['-c', command], {
        detached: true,
        cwd: home,
        env: {
          PATH: `${bin}:${process.env['PATH'] ?? ''}`,
          TRUFFLE_AGENT_DATA_DIR: join(home, 'data'),
          TRUFFLE_AGENT_CONFIG: config,
          TRUFFLE_AGENT_RESERVE_MIB: '1',
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      for (const stream of [shell.stdout, shell.stderr])
        stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
    },
    said: () => output,
    async close() {
      const gone = shell === undefined ? undefined : new Promise((done) => shell?.once('close', done));
      const running = shell?.exitCode === null && shell.signalCode === null;
      end('SIGTERM');
      if (running) await gone;
      process.off('exit', killed);
      await simulator.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

function writeSite(home: string, { info }: Simulator): string {
  writeFileSync(join(home, 'token'), info.tokenSecret, { mode: 0o600 });
  const path = join(home, 'site.yaml');
  const { host, port, user, keyFile, hostKeyFingerprint } = info.bastion;
  writeFileSync(
    path,
    `driver: pve
url: ${info.url}
tokenId: ${info.tokenId}
tokenSecretFile: token
caFile: ${info.caFile}
pool: truffle
vmids: 20000-29999
storage: shared
images: { debian-12: { vmid: 9000 } }
networks: { lan: { bridge: vmbr0 } }
bastion: { host: ${host}, port: ${port}, user: ${user}, keyFile: ${keyFile}, hostKeySha256: "${hostKeyFingerprint}" }
`,
  );
  return path;
}
