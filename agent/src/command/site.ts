import type { Inventory } from '@truffle/api/agent/v1/agent';
import type { Logger } from 'pino';
import type { GuestUsage } from '../metric/sampler.ts';
import type { Ground } from '../policy/policy.ts';
import type { HealthSite } from '../keep/health-keeper.ts';
import type { KeepSite } from '../keep/keeper.ts';
import type { CommandHandler } from './effect.ts';

/** The site that the agent works on, as its program sees it. */
export interface Site {
  readonly handlers: readonly CommandHandler[];
  /** What the site has; its `problems` say what the preflight found. */
  inventory(): Promise<Inventory>;
  /** What stands in the way of work, one sentence each; empty when nothing does. */
  preflight(): Promise<readonly string[]>;
  /** Where the site's configuration puts servers. */
  readonly ground: Ground;
  /** What is there now: numbers of the VMs in the site's range, and the storages that a server made from `image` shares with it. @throws DecodedFailure */
  look(
    image: string,
    signal: AbortSignal,
  ): Promise<{ readonly servers: readonly number[]; readonly storages: readonly string[] }>;
  /** What the guests in the site's range use, in one call. @throws what the site says */
  readonly usage?: () => Promise<readonly GuestUsage[]>;
  /** How servers are kept running and healthy; undefined where the site can't. */
  readonly keep?: KeepSite & HealthSite;
  /** Lets connections go. */
  close(): Promise<void>;
}

/** A number that a VM is being made on: proves whose a VM is that carries no other proof yet. */
export interface Reservation {
  readonly vmid: number;
  readonly serverId: string;
  readonly commandId: string;
}

/** A VM that nobody wants, as long as it is seen at each look. */
export interface SeenUnwanted {
  readonly vmid: number;
  readonly serverId: string;
  /** Milliseconds since 1970. */
  readonly sinceMs: number;
}

/** What the agent remembers of numbers across its restarts. What is written is on disk when a call returns. */
export interface NumberMemory {
  reserve(reservation: Reservation): void;
  reservations(): readonly Reservation[];
  /** The number is a whole server's, or nobody's. */
  release(vmid: number): void;
  unwanted(): readonly SeenUnwanted[];
  /** Keeps these in the place of what was kept before. */
  keepUnwanted(seen: readonly SeenUnwanted[]): void;
}

/** For a site that is only looked at. */
export const noNumbers: NumberMemory = {
  reserve: () => undefined,
  reservations: () => [],
  release: () => undefined,
  unwanted: () => [],
  keepUnwanted: () => undefined,
};

/** What the agent's program gives to the site. */
export interface SiteDeps {
  readonly log: Logger;
  readonly agentId: string;
  readonly orgId: string;
  /** Where the site may keep files of its own. */
  readonly dataFolder: string;
  /** The keys that secrets for this agent are sealed to; each look gives what counts then. */
  readonly sealing: {
    /** What the agent seals with. */
    readonly current: { readonly privateKey: Uint8Array };
    /** What it opens with, by key id. */
    readonly privateKeys: Readonly<Record<string, Uint8Array>>;
  };
  /** Asked before each connection to a server. @throws DecodedFailure when the site's policy forbids it */
  readonly mayDial: (address: string) => void;
  /** Asked before each VM that a command removes of several, named by command and VM. @throws DecodedFailure when the site's policy forbids it */
  readonly mayRemove: (name: string, vmid: number) => void;
  /** Numbers that VMs are made on, and what stands on them unwanted. */
  readonly numbers: NumberMemory;
  /** File with the neighbours of the agent's host, as Linux shows them in `/proc/net/arp`. */
  readonly neighbourFile: string;
  /** Raises the highest version seen of a sealed secret, on disk when it returns; answers the highest seen before, 0 for none. */
  readonly seeSealedVersion: (secretId: string, version: number) => number;
  /** The secret of a cluster: made by `make` at the first call, on disk when it returns, and the same ever after. */
  readonly generatedSecret: (clusterId: string, name: string, make: () => string) => string;
}
