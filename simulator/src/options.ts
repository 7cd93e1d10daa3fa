import type { Clock } from './clock.ts';
import type { Fault } from './faults/faults.ts';
import type { Random } from './random.ts';
import type { Seed } from './seed.ts';

/** How a simulator is set up; everything has a default. */
export interface SimulatorOptions {
  /** Names of the nodes, or how many (`pve1`, `pve2`, …). Default 3. */
  nodes?: number | readonly string[];
  /** How long a full clone takes, in ms. A linked one takes a tenth. Default 1000. */
  cloneMs?: number;
  /** From power on until agent and SSH answer, in ms. Default 1000. */
  bootMs?: number;
  /** How long other disk work takes, in ms. Default a tenth of `cloneMs`, at most 100. */
  diskMs?: number;
  /** API port on 127.0.0.1. Default: any free one. */
  port?: number;
  faults?: readonly Fault[];
  /** Where keys and the site survive a restart. Default: a new temporary folder, removed at the end. */
  stateDir?: string;
  /** How late refused log-ins are answered, in ms. Default 3000, as the real one. */
  authDelayMs?: number;
  /** How long a call waits for a guest agent that is not there, in ms. Default 3000. */
  agentWaitMs?: number;
  /** How long after the answer a task's work starts, in ms. Default 0. */
  forkMs?: number;
  /** How often lists learn what guests are like, in ms (the real one: 10 s). Default 0: always true. */
  statusIntervalMs?: number;
  /** How late the resource manager of high availability acts on what it was asked, in ms. Default 1000. */
  haMs?: number;
  /** What the API says its version is. Default 9.2.11; privileges are those of its major version. */
  version?: string;
  /** How long the nodes have been up, in hours. Default 1; after 11,930 the names of tasks grow. */
  upHours?: number;
  /** Whether all guests have the machine-id of one image, so that DHCP takes them for one. Default false. */
  oneMachineId?: boolean;
  /** The file that describes the image of real guests, run by QEMU. Default: guests are scripted. */
  guestImage?: string;
  clock?: Clock;
  random?: Random;
  /** Replaces the demo site. Only used when the state folder holds no site yet. */
  seed?: Seed;
}
