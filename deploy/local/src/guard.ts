/**
 * A program of its own: ends the processes that its parent named when that parent dies without having done so, even by SIGKILL. The parent
 * holds the other end of its stdin and writes there, after every change, all that runs as one line of JSON; the end of the
 * stream is the parent's death or its goodbye (an empty list).
 */
import { createInterface } from 'node:readline';
import { stopProcess, type Stoppable } from './stop-process.ts';

let running: readonly Stoppable[] = [];
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
for await (const line of createInterface({ input: process.stdin })) running = JSON.parse(line) as Stoppable[];
for (const child of running.toReversed()) await stopProcess(child);
