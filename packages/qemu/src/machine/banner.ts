import { connect } from 'node:net';
import { pause } from '../program/pause.ts';
import { findProcess } from './process.ts';

/** How long one try waits for the greeting: rises, as a guest on a busy host takes long to begin a session, and each try makes it begin one. */
const firstGreetMs = 2_000;
const longestGreetMs = 20_000;

/**
 * Waits until the guest's SSH server greets behind the forwarded port, which accepts long before anyone listens.
 * @returns false when the machine's process ended first
 * @throws the signal's reason
 */
export async function awaitBanner(folder: string, signal: AbortSignal): Promise<boolean> {
  let greetMs = firstGreetMs;
  for (let wait = 25; ; wait = Math.min(500, wait * 1.3)) {
    const running = findProcess(folder);
    if (running === undefined) return false;
    const since = performance.now();
    if (await greets(running.sshPort, greetMs, signal)) return true;
    if (performance.now() - since >= greetMs) greetMs = Math.min(longestGreetMs, greetMs * 1.5);
    await pause(wait, signal);
  }
}

/** Whether something greets as SSH there in time. */
export function greets(port: number, greetMs: number, signal: AbortSignal): Promise<boolean> {
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
