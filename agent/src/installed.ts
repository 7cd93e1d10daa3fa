import { existsSync, readFileSync } from 'node:fs';
import { isSea } from 'node:sea';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';

/** Where install.sh puts programs and settings. */
export const installedAt = { programs: '/usr/local/lib/truffle-agent/', settings: '/etc/truffle-agent/' } as const;

/** Whether this is the program that install.sh put here. */
export const isInstalled = (): boolean => isSea() && process.execPath.startsWith(installedAt.programs);

/** Takes the unit's settings where a person runs the installed program, so that it looks at what the unit works with. What is set stays. */
export function takeInstalledSettings(): void {
  if (!isInstalled()) return;
  const had = process.env['NODE_EXTRA_CA_CERTS'];
  // The first to set a variable wins here, and the last in the unit.
  for (const name of ['local.env', 'agent.env']) {
    const path = `${installedAt.settings}${name}`;
    if (existsSync(path)) process.loadEnvFile(path);
  }
  const extra = process.env['NODE_EXTRA_CA_CERTS'];
  // Node reads that variable as it starts, which is over.
  if (had === undefined && extra !== undefined && existsSync(extra))
    setDefaultCACertificates([...getCACertificates('default'), readFileSync(extra, 'utf8')]);
}
