import type { Logger } from 'pino';
import type { Clock } from '../command/clock.ts';
import { IdentityFolder, identityFiles } from './folder.ts';

/** Why the gateway gives this agent no work. */
export interface Quarantine {
  /** The gateway's code, e.g. IDENTITY_CONFLICT. */
  readonly reason: string;
  readonly message: string;
  /** When it was first told, in RFC 3339. */
  readonly since: string;
}

const holding: ReadonlySet<string> = new Set([
  'IDENTITY_CONFLICT',
  'KEY_SUBSTITUTED',
  'QUARANTINED',
  'NOT_CHOSEN',
  'AGENT_REVOKED',
]);

/** What ends a quarantine, as seen from the site; `agent` and `holder` as commands take them. */
export function wayOut(reason: string, agent: string, holder = 'HOLDER'): string {
  const anew =
    'truffle-agent reset --yes; then on the control plane: truffle agent join-token create NAME, and enrol with that';
  const release = `on the control plane: truffle agent get ${agent}; then, if this machine is to go on: truffle agent release ${agent} --holder ${holder}`;
  if (reason === 'NOT_CHOSEN' || reason === 'AGENT_REVOKED') return anew;
  if (reason === 'KEY_SUBSTITUTED')
    return `compare the fingerprint here with the one there, and find out who published another; ${release}`;
  return `${release}; if not: ${anew}`;
}

/** The quarantine in a data folder; undefined when there is none. */
export function readQuarantine(dataFolder: string): Quarantine | undefined {
  return quarantineIn(new IdentityFolder(dataFolder));
}

function quarantineIn(folder: Pick<IdentityFolder, 'read'>): Quarantine | undefined {
  const file = folder.read(identityFiles.quarantine);
  return file === undefined ? undefined : (JSON.parse(file.toString()) as Quarantine);
}

export interface QuarantineDeps {
  /** Where the quarantine outlives the process. */
  readonly folder: Pick<IdentityFolder, 'read' | 'write' | 'remove'>;
  readonly agentId: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Nothing more may begin. */
  readonly hold: () => void;
  /** Work goes on. */
  readonly resume: () => void;
}

/**
 * The agent's side of a quarantine: what was permitted and has not begun waits, over restarts too, until a session is open again. What runs
 * goes on: to stop it half-way would be worse than to end it.
 */
export class QuarantineGuard {
  readonly #deps: QuarantineDeps;
  #now: Quarantine | undefined;

  /** Holds at once where the agent was in quarantine when it ended. */
  constructor(deps: QuarantineDeps) {
    this.#deps = deps;
    this.#now = quarantineIn(deps.folder);
    if (this.#now !== undefined) this.#hold(this.#now);
  }

  /** The gateway refused the agent; most reasons are no quarantine. */
  refused({ reason, message }: { readonly reason: string; readonly message: string }): void {
    // The later refusals of the same quarantine say less than the first one.
    const repeated = this.#now !== undefined && (reason === 'QUARANTINED' || reason === this.#now.reason);
    if (!holding.has(reason) || repeated) return;
    this.#now = { reason, message, since: this.#now?.since ?? new Date(this.#deps.clock.wall()).toISOString() };
    this.#deps.folder.write(identityFiles.quarantine, `${JSON.stringify(this.#now, null, 2)}\n`);
    this.#hold(this.#now);
  }

  /** A session is open: whatever there was is over. */
  welcomed(): void {
    if (this.#now === undefined) return;
    this.#now = undefined;
    this.#deps.folder.remove(identityFiles.quarantine);
    this.#deps.log.info('out of quarantine: work goes on');
    this.#deps.resume();
  }

  #hold(quarantine: Quarantine): void {
    const { log, agentId } = this.#deps;
    log.error({ ...quarantine, wayOut: wayOut(quarantine.reason, agentId) }, 'in quarantine: no work is begun');
    this.#deps.hold();
  }
}
