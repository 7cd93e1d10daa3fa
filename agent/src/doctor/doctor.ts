import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { readIdentity, type Identity } from '../identity/identity.ts';
import { readQuarantine, wayOut } from '../identity/quarantine.ts';
import { readPolicyFile } from '../policy/policy.file.ts';
import { failed, ok, reasonOf, skipped, warning, type Check } from './check.ts';
import { checkDisk } from './disk.ts';
import { checkGateways, checkIdentity, withoutIdentity } from './gateway.ts';
import { checkRelease, checkUnit } from './installation.ts';
import { checkOrigin } from './origin.ts';

export interface DoctorInput {
  readonly dataFolder: string;
  readonly siteConfig: string | undefined;
  readonly policyFile: string | undefined;
  /** Where to dial before what enrolment and sessions said. */
  readonly endpoints: readonly string[];
  /** Origin to look at; the one that the agent enrolled at unless told. */
  readonly server: string | undefined;
  readonly reserveBytes: number;
  /** File with the key that releases are signed with; empty for none. */
  readonly releaseKey: string;
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly wall: () => number;
}

/** Looks for what can be wrong, from the network to the disk. Changes nothing, and takes half a minute at most where nothing answers. */
export async function examine(input: DoctorInput): Promise<readonly Check[]> {
  const { dataFolder, version, releaseKey } = input;
  const identity = identityOf(dataFolder);
  const known = 'check' in identity ? undefined : identity.identity;
  const server = input.server ?? known?.server;
  const quarantine = known === undefined ? undefined : readQuarantine(dataFolder);
  const exit =
    quarantine === undefined ? undefined : `${quarantine.message}: ${wayOut(quarantine.reason, known?.agentId ?? '')}`;
  const endpoints = known === undefined ? [] : endpointsOf(input, known);
  const [origin, gateways, site, unit, release] = await Promise.all([
    checkOrigin(server, input.wall),
    known === undefined ? withoutIdentity() : checkGateways(known, endpoints),
    checkSite(input.siteConfig, dataFolder),
    checkUnit(),
    checkRelease(server, version, releaseKey),
  ]);
  return [
    ...origin,
    ...gateways,
    ...('check' in identity ? [identity.check] : checkIdentity(known, input.wall(), exit)),
    ...checkDisk(dataFolder, input.reserveBytes),
    checkPolicy(input.policyFile),
    ...site,
    unit,
    release,
  ];
}

function identityOf(dataFolder: string): { readonly identity: Identity | undefined } | { readonly check: Check } {
  try {
    return { identity: readIdentity(dataFolder) };
  } catch (error) {
    const remedy =
      reasonOf(error) === 'EACCES'
        ? 'Run it as root or as the agent’s user: sudo truffle-agent doctor.'
        : 'truffle-agent reset --yes, then enrol anew.';
    return { check: failed('identity', `can not be read (${reasonOf(error)})`, remedy) };
  }
}

/** Where a running agent dials, in its order. */
function endpointsOf({ dataFolder, endpoints }: DoctorInput, identity: Identity): readonly string[] {
  return [...new Set([...endpoints, ...lastSaid(dataFolder), ...identity.endpoints])];
}

function lastSaid(dataFolder: string): readonly string[] {
  const path = join(dataFolder, 'journal.db');
  if (!existsSync(path)) return [];
  try {
    const db = new DatabaseSync(path, { readOnly: true, timeout: 2_000 });
    try {
      return JSON.parse(String(db.prepare('SELECT endpoints FROM meta').get()?.['endpoints'])) as string[];
    } finally {
      db.close();
    }
  } catch {
    // The look at the journal says what is wrong with it.
    return [];
  }
}

function checkPolicy(file: string | undefined): Check {
  if (file === undefined) return skipped('policy', 'none is named: all that the site config allows');
  try {
    readPolicyFile(file);
  } catch (error) {
    return failed(
      'policy',
      error instanceof Error ? error.message : String(error),
      'No work is done until that is mended; truffle-agent policy check shows how it is read.',
    );
  }
  return ok('policy', `${file} is in force`);
}

async function checkSite(file: string | undefined, dataFolder: string): Promise<readonly Check[]> {
  if (file === undefined)
    return [
      warning(
        'site',
        'none is described: the agent only answers pings',
        'Describe it (docs: Connect a site) and name the file by --config or TRUFFLE_AGENT_CONFIG.',
      ),
    ];
  try {
    const { reportSite } = await import('../site/site.ts');
    const { site, hypervisorVersion, findings } = await reportSite(file, dataFolder);
    if (findings.length === 0) return [ok('site', `${site}, Proxmox VE ${hypervisorVersion}: ready`)];
    return findings.map(({ problem, remedy, commands }) =>
      failed(
        'site',
        problem,
        [remedy, commands.length === 0 ? '' : `As root on a node: ${commands.join('; ')}`]
          .filter((part) => part !== '')
          .join(' '),
      ),
    );
  } catch (error) {
    return [
      failed(
        'site',
        error instanceof Error ? error.message : String(error),
        'Mend the file, then truffle-agent preflight.',
      ),
    ];
  }
}
