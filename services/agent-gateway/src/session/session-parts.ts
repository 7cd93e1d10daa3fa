import type { Logger } from '@truffle/telemetry';
import type { CommandFlow } from '../command/flow.ts';
import type { Reports } from '../command/reports.ts';
import type { GatewayDatabase } from '../tables.ts';
import type { LinkSession } from './link-session.ts';
import type { SessionStore } from './standing.ts';

/** What every session of a gateway shares. */
export interface SessionParts {
  readonly store: Pick<SessionStore, 'open' | 'confirm' | 'resume' | 'close' | 'quarantine' | 'noteKept'>;
  readonly flow: Pick<CommandFlow, 'submit' | 'claim'>;
  readonly reports: Pick<Reports, 'progress' | 'logs'>;
  readonly database: Pick<GatewayDatabase, 'tenant'>;
  readonly logger: Logger;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly random: () => number;
  /** Whether the gateway's lease is in force: without it nothing is dispatched. */
  readonly leased: () => boolean;
  /** The session has its epoch: older ones of the agent are to go. */
  readonly offered: (session: LinkSession) => void;
  readonly finished: (session: LinkSession, why: string) => void;
}
