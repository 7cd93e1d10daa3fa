import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSimulator, type Simulator } from '@truffle/simulator';
import { AgentState } from '@truffle/api/agent/v1/agent';
import { bundledAgent } from '../../deploy/local/src/agent-program.ts';
import { until } from '../../packages/testkit/src/until.ts';
import type { Person } from './people.fixture.ts';

/** A machine beside a simulated hypervisor of its own, with the agent's program installed and nothing done yet. */
export interface SiteMachine {
  /** The hypervisor, to do to it what its operators do. */
  readonly cluster: Simulator['cluster'];
  /** Runs what a person pasted into a shell there; it goes on until `close`. */
  paste(command: string): void;
  /** What the shell's commands said. */
  said(): string;
  /** Ends what was pasted, in good order. */
  stop(): Promise<void>;
  close(): Promise<void>;
}

/** @param siteConfig further lines of the site's configuration */
export async function siteMachine(siteConfig = ''): Promise<SiteMachine> {
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
  const config = writeSite(home, simulator, siteConfig);
  let shell: ChildProcess | undefined;
  let output = '';
  const end = (signal: NodeJS.Signals): void => {
    // The shell and what it runs are one group.
    if (shell?.pid !== undefined && shell.exitCode === null && shell.signalCode === null)
      process.kill(-shell.pid, signal);
  };
  const stop = async (): Promise<void> => {
    const gone = shell === undefined ? undefined : new Promise((done) => shell?.once('close', done));
    const running = shell?.exitCode === null && shell.signalCode === null;
    end('SIGTERM');
    if (running) await gone;
  };
  const killed = (): void => end('SIGKILL');
  process.once('exit', killed);
  return {
    cluster: simulator.cluster,
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
    stop,
    async close() {
      await stop();
      process.off('exit', killed);
      await simulator.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** Joins a machine to somebody's organization, and waits until its agent is connected and has looked at its site. @returns the agent's id */
export async function joinSite(machine: SiteMachine, url: string, { api, orgId }: Person): Promise<string> {
  const { token } = await api.agents.createJoinToken({ orgId, agentName: 'cellar' });
  machine.paste(`export TRUFFLE_JOIN_TOKEN=${token} && truffle-agent enroll --server ${url} && exec truffle-agent run`);
  return until(
    'the site to be connected',
    async () => {
      const [found] = (await api.agents.listAgents({ orgId })).agents;
      if (found?.state !== AgentState.ONLINE) return undefined;
      const { agent } = await api.agents.getAgent({ agentId: found.id });
      return agent?.inventory === undefined ? undefined : found.id;
    },
    60_000,
  );
}

function writeSite(home: string, { info }: Simulator, siteConfig: string): string {
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
${siteConfig}`,
  );
  return path;
}
