import { randomInt } from 'node:crypto';
import { QemuError } from '../error.ts';
import { pause } from '../program/pause.ts';
import { JsonLines } from './json-lines.ts';

/** How a command on the guest ended. */
export interface GuestRan {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A network card as the guest sees it. */
export interface GuestCard {
  readonly name: string;
  /** Lower case. */
  readonly mac: string;
  readonly addresses: readonly { readonly address: string; readonly prefix: number; readonly kind: 'ipv4' | 'ipv6' }[];
}

interface Answer {
  readonly return?: unknown;
  readonly error?: { readonly desc?: string };
}

/** Tells the guest agent to forget what it read of a broken request. */
const flush = Uint8Array.of(0xff);
const answerMs = 5_000;
const mostFileBytes = 64 * 1024;

/**
 * Talks to the guest agent on a machine's channel, for one conversation: what an earlier one left on the channel is thrown away first.
 * @throws QemuError QEMU_AGENT_SILENT when nobody answers, QEMU_REFUSED with the agent's own words
 */
export async function withGuestAgent<T>(
  path: string,
  talk: (agent: GuestAgent) => Promise<T>,
  deadlineMs = answerMs,
): Promise<T> {
  const lines = await JsonLines.connect(path);
  try {
    const agent = new GuestAgent(lines, deadlineMs);
    await agent.sync();
    return await talk(agent);
  } finally {
    lines[Symbol.dispose]();
  }
}

/** One conversation with a guest agent. */
export class GuestAgent {
  readonly #lines: JsonLines;
  readonly #deadlineMs: number;
  #take: ((answer: Answer) => void) | undefined;

  constructor(lines: JsonLines, deadlineMs: number) {
    this.#lines = lines;
    this.#deadlineMs = deadlineMs;
    lines.onMessage((message) => this.#take?.(message as Answer));
  }

  /** Makes sure that the next answer is to the next question. */
  async sync(): Promise<void> {
    const id = randomInt(2 ** 31);
    await this.#ask({ execute: 'guest-sync-delimited', arguments: { id } }, (answer) => answer.return === id, flush);
  }

  /** Asks for one command. */
  async execute(command: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    const answer = await this.#ask({ execute: command, arguments: args }, () => true);
    if (answer.error === undefined) return answer.return;
    const said = answer.error.desc ?? 'no reason';
    const remedy = 'Mend what the guest agent says, then try again.';
    throw new QemuError('QEMU_REFUSED', `The guest agent refuses ${command}: ${said}`, { remedy, output: [said] });
  }

  async cards(): Promise<readonly GuestCard[]> {
    const rows = (await this.execute('guest-network-get-interfaces')) as readonly Readonly<Record<string, unknown>>[];
    return rows.map((row) => ({
      name: textOf(row, 'name'),
      mac: textOf(row, 'hardware-address').toLowerCase(),
      addresses: ((row['ip-addresses'] ?? []) as readonly Readonly<Record<string, unknown>>[]).map((each) => ({
        address: textOf(each, 'ip-address'),
        prefix: Number(each['prefix']),
        kind: each['ip-address-type'] === 'ipv6' ? 'ipv6' : 'ipv4',
      })),
    }));
  }

  /** Runs a program on the guest to its end. */
  async run(program: string, args: readonly string[], signal: AbortSignal): Promise<GuestRan> {
    const started = (await this.execute('guest-exec', { path: program, arg: args, 'capture-output': true })) as {
      pid: number;
    };
    for (let wait = 20; ; wait = Math.min(500, wait * 1.5)) {
      const status = (await this.execute('guest-exec-status', { pid: started.pid })) as Readonly<
        Record<string, unknown>
      >;
      const text = (key: string): string => Buffer.from(textOf(status, key), 'base64').toString('utf8');
      if (status['exited'] === true)
        return { code: Number(status['exitcode'] ?? 255), stdout: text('out-data'), stderr: text('err-data') };
      await pause(wait, signal);
    }
  }

  /** The first 64 KiB of a file on the guest. */
  async readFile(path: string): Promise<Buffer> {
    const handle = await this.execute('guest-file-open', { path, mode: 'r' });
    try {
      const read = (await this.execute('guest-file-read', { handle, count: mostFileBytes })) as { 'buf-b64': string };
      return Buffer.from(read['buf-b64'], 'base64');
    } finally {
      await this.execute('guest-file-close', { handle });
    }
  }

  #ask(message: unknown, isAnswer: (answer: Answer) => boolean, before?: Uint8Array): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(late);
        this.#take = undefined;
        act();
      };
      const late = setTimeout(() => settle(() => reject(silent())), this.#deadlineMs);
      this.#lines.onClose((why) => settle(() => reject(silent(why))));
      this.#take = (answer) => {
        if (isAnswer(answer)) settle(() => resolve(answer));
      };
      this.#lines.send(message, before);
    });
  }
}

/** A text of an answer; empty for anything else. */
function textOf(row: Readonly<Record<string, unknown>>, key: string): string {
  const value = row[key];
  return typeof value === 'string' ? value : '';
}

function silent(cause?: Error): QemuError {
  const remedy = 'Install it in the image (apt-get install qemu-guest-agent), or wait until the guest has booted.';
  return new QemuError('QEMU_AGENT_SILENT', 'The guest agent does not answer', { remedy, cause });
}
