import { CommandPayloadSchema } from '@truffle/api/agent/v1/command';
import type { Inventory } from '@truffle/api/agent/v1/agent';
import type { EnsureServer } from '@truffle/api/agent/v1/command';
import type { CommandEnd, CommandRun } from '../command/effect.ts';
import type { Site } from '../command/site.ts';
import type { KeepSite } from '../keep/keeper.ts';
import type { GuestUsage } from '../metric/sampler.ts';
import type { Ground } from '../policy/policy.ts';
import type { Finding } from './finding.ts';

type Op = CommandRun['payload']['op'];
export type Kind = NonNullable<Op['case']>;
export type Spec<K extends Kind> = Extract<Op, { case: K }>['value'];

/** What is done on a server, or by the agent, the same whatever runs the server. */
const driverless = ['ping', 'runDeployment', 'revealOutputs'] as const satisfies readonly Kind[];
/** What a driver does: every kind of command but those. A new kind in the contract is one that each driver lacks until it says how. */
export type DriverKind = Exclude<Kind, (typeof driverless)[number]>;

/** How a command takes effect. A stop throws the signal's reason. @throws what `decode` of the driver understands */
export type Effects = {
  readonly [K in DriverKind]: (run: CommandRun, spec: Spec<K>) => Promise<CommandEnd>;
};

/** What a look over a site found. */
export interface SiteReport {
  /** What the site is called. */
  readonly site: string;
  readonly hypervisor: string;
  /** Empty when it can't be asked. */
  readonly hypervisorVersion: string;
  readonly findings: readonly Finding[];
}

/** What runs a site's servers. */
export interface Driver {
  /** As the site config names it. */
  readonly kind: string;
  readonly effects: Effects;
  /** What an effect threw, told for people; any other error as it is. */
  readonly decode: (error: unknown) => unknown;
  readonly ground: Ground;
  /** What the site has; its `problems` say what the preflight found. Never throws for a site that is down: that is a problem. */
  readonly inventory: () => Promise<Inventory>;
  readonly look: Site['look'];
  /** How servers are kept running. */
  readonly keep: KeepSite & { readonly reboot: (server: EnsureServer, signal: AbortSignal) => Promise<void> };
  readonly usage: () => Promise<readonly GuestUsage[]>;
  /** Lets connections go; servers go on. */
  readonly close: () => void;
}

/** A driver lacks what the contract asks of it: this build must not run. */
export class DriverIncomplete extends Error {
  override readonly name = 'DriverIncomplete';
  readonly code = 'DRIVER_INCOMPLETE';
}

/** The kinds that each driver has an effect for, as the contract says. */
export function driverKinds(): readonly string[] {
  const kinds = CommandPayloadSchema.oneofs.flatMap((oneof) => oneof.fields.map((field) => field.localName));
  return kinds.filter((kind) => !(driverless as readonly string[]).includes(kind));
}

/** Types say it where the driver is compiled; this says it where it runs, before anything is done. @throws DriverIncomplete */
export function requireComplete(driver: {
  readonly kind: string;
  readonly effects: Readonly<Record<string, unknown>>;
}): void {
  const lacking = driverKinds().filter((kind) => typeof driver.effects[kind] !== 'function');
  if (lacking.length > 0)
    throw new DriverIncomplete(
      `The driver ${driver.kind} has no effect for: ${lacking.join(', ')}. Install a whole build.`,
    );
}
