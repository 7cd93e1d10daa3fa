import { connect, type Socket } from 'node:net';
import { QemuError } from '../error.ts';

/** One line may hold the listing of a large machine. */
const longestLine = 16 * 1024 * 1024;

/** A UNIX socket on which each line is one JSON text. What is no JSON is passed over. */
export class JsonLines implements Disposable {
  readonly #socket: Socket;
  #seen = '';
  #take: ((message: unknown) => void) | undefined;
  readonly #waiting: unknown[] = [];
  #closed: Error | undefined;
  readonly #onClose = new Set<(why: Error) => void>();

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => this.#read(text));
    socket.on('error', (error) => this.#end(error));
    socket.on('close', () => this.#end(new Error('the connection was closed')));
  }

  /** @throws QemuError QEMU_NO_ANSWER when nobody listens there */
  static connect(path: string): Promise<JsonLines> {
    return new Promise((resolve, reject) => {
      const socket = connect({ path });
      socket.once('connect', () => {
        socket.removeAllListeners('error');
        resolve(new JsonLines(socket));
      });
      socket.once('error', (cause) => {
        const remedy = 'Look whether the machine runs.';
        reject(new QemuError('QEMU_NO_ANSWER', `Nothing listens at ${path}`, { remedy, cause }));
      });
    });
  }

  /** Gives each message to `take`, those that came before first. */
  onMessage(take: (message: unknown) => void): void {
    this.#take = take;
    for (const message of this.#waiting.splice(0)) take(message);
  }

  /** Calls `act` once the connection has ended. */
  onClose(act: (why: Error) => void): void {
    if (this.#closed === undefined) this.#onClose.add(act);
    else act(this.#closed);
  }

  /** @param before bytes that go ahead of the line */
  send(message: unknown, before?: Uint8Array): void {
    if (before !== undefined) this.#socket.write(before);
    this.#socket.write(`${JSON.stringify(message)}\n`);
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #read(text: string): void {
    this.#seen += text;
    const lines = this.#seen.split('\n');
    this.#seen = lines.pop() ?? '';
    if (this.#seen.length > longestLine) this.#socket.destroy(new Error('a line is too long'));
    for (const line of lines) {
      const message = parse(line);
      if (message === undefined) continue;
      if (this.#take === undefined) this.#waiting.push(message);
      else this.#take(message);
    }
  }

  #end(why: Error): void {
    this.#closed ??= why;
    for (const act of this.#onClose) act(this.#closed);
    this.#onClose.clear();
  }
}

function parse(line: string): unknown {
  try {
    // The guest agent puts a byte that is no UTF-8 ahead of its answer to a sync.
    return JSON.parse(line.replace(/^[^{[]+/, '')) as unknown;
  } catch {
    return undefined;
  }
}
