import type { Duplex } from 'node:stream';
import { pause } from '../pve/pause.ts';
import { GuestUnreachable, type Reach } from './reach.ts';

const bannerMs = 3_000;

/** Waits until a guest's SSH server greets: a forwarded port can accept long before anyone listens behind it. @throws the signal's reason */
export async function awaitSsh(reach: Reach, address: string, signal: AbortSignal): Promise<void> {
  for (let wait = 50; ; wait = Math.min(1_000, wait * 1.5)) {
    try {
      const stream = await reach.dial(address, 22, signal);
      if (await greets(stream, signal)) return;
    } catch (error) {
      if (!(error instanceof GuestUnreachable)) throw error;
    }
    await pause(wait, signal);
  }
}

function greets(stream: Duplex, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    let seen = '';
    const done = (greeted: boolean): void => {
      clearTimeout(late);
      signal.removeEventListener('abort', stop);
      stream.destroy();
      resolve(greeted);
    };
    const stop = (): void => done(false);
    const late = setTimeout(stop, bannerMs);
    signal.addEventListener('abort', stop, { once: true });
    stream.on('data', (chunk: Buffer) => {
      seen += chunk.toString('latin1');
      if (seen.includes('SSH-2.0')) done(true);
      else if (seen.length > 4_096) done(false);
    });
    stream.on('error', stop);
    stream.on('close', stop);
  });
}
