import type { Accel, QemuPrograms } from '@truffle/qemu';
import type { NumberMemory } from '../command/site.ts';

/** A network that templates may name: its addresses go by number, the first one to the first number of the range. */
export interface QemuNetwork {
  readonly first: string;
  readonly prefix: number;
}

/** Bounds in milliseconds. */
export interface QemuWaits {
  /** For the SSH server of a guest that boots. */
  readonly sshMs: number;
  /** For a guest whose SSH server greets to let the agent in. */
  readonly loginMs: number;
  /** For a guest to shut down by itself before its power is cut. */
  readonly shutdownMs: number;
}

/** What the driver works with at one site: this machine. */
export interface QemuSite {
  /** Name of this machine. */
  readonly node: string;
  /** Holds a folder for each machine. */
  readonly folder: string;
  /** The numbers that the site offers, both included. */
  readonly vmids: { readonly first: number; readonly last: number };
  /** The file or folder that describes each image. */
  readonly images: Readonly<Record<string, string>>;
  /** Holds the images that commands import. */
  readonly imageFolder: string;
  /** Adds an image that was imported, for good. */
  readonly addImage: (name: string, path: string) => void;
  readonly networks: Readonly<Record<string, QemuNetwork>>;
  readonly clone: 'linked' | 'full';
  readonly internet: boolean;
  /** @throws QemuError QEMU_MISSING */
  readonly programs: () => QemuPrograms;
  /** What guests run under. @throws QemuError QEMU_MISSING */
  readonly accel: () => Promise<Accel>;
  /** What is remembered of numbers across restarts. */
  readonly numbers: NumberMemory;
  readonly sshUser: string;
  /** The agent's own key in OpenSSH's form, put into every server. */
  readonly sshPublicKey: string;
  readonly waits: QemuWaits;
}

/** The one storage there is: the disk that holds the machines' folder. */
export const storageName = 'local';
