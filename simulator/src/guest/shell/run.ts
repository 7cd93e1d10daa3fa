import type { Guest } from '../guest.ts';

export interface Streams {
  user: string;
  stdin: Buffer;
  stdout: (text: string) => void;
  stderr: (text: string) => void;
}

/** Runs a script in the guest. */
export async function runScript(_guest: Guest, script: string, streams: Streams): Promise<number> {
  streams.stdout(`simulated: ${script}\n`);
  return 0;
}
