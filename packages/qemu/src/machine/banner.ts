import { connect } from 'node:net';
import { pause } from '../program/pause.ts';
import { findProcess } from './process.ts';

/** A guest that is about to greet does so within this. */
const greetMs = 2_000;

/**
 * Waits until the guest's SSH server greets behind the forwarded port, which accepts long before anyone listens.
 * @returns false when the machine's process ended first
 * @throws the signal's reason
 */
export async function awaitBanner(folder: string, signal: AbortSignal): Promise<boolean> {
  for (let wait = 25; ; wait = Math.min(500, wait * 1.3)) {
    const running = findProcess(folder);
    if (running === undefined) return false;
    if (await greets(running.sshPort, signal)) return true;
    await pause(wait, signal);
  }
}

/** Whether something greets as SSH there, in two seconds. */
export function greets(port: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    let seen = '';
    const done = (greeted: boolean): void => {
      clearTimeout(late);
      signal.removeEventListener('abort', stop);
      socket.destroy();
      resolve(greeted);
    };
    const stop = (): void => done(false);
    const late = setTimeout(stop, greetMs);
    signal.addEventListener('abort', stop, { once: true });
    socket.setEncoding('latin1').on('data', (text: string) => {
      seen += text;
      if (seen.includes('SSH-')) done(true);
      else if (seen.length > 4_096) done(false);
    });
    socket.on('error', stop);
    socket.on('close', stop);
  });
}
