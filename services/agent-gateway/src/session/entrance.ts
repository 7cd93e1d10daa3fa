import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export interface EntranceLimits {
  /** Connections that may be between their TLS handshake and their session at once. */
  readonly inside: number;
  /** How many of them may come from one address: whoever stalls there leaves room for others. */
  readonly insideEach: number;
  /** Connections that may wait before that; further ones are cut off at once. */
  readonly waiting: number;
  /** How long one may wait: less than the 30 s that an agent gives a handshake, so that nothing is begun that nobody awaits at its end. */
  readonly patienceMs: number;
  /** After that a connection counts no more, however far it came. */
  readonly insideMs: number;
}

/**
 * Far more inside than the gateway works on at once: most of them it waits for, over their networks, and with few places slow peers would
 * decide how fast all the others come in (measured: 10,000 behind one address, with 32 places for it, came in at 5 a second).
 */
const usual: EntranceLimits = { inside: 512, insideEach: 384, waiting: 16_384, patienceMs: 25_000, insideMs: 5_000 };
/** How many come in before the gateway has turned to those inside again: what it is busy with slows the door down. */
const eachTurn = 8;
interface Waiting {
  readonly socket: Socket;
  /** That it comes from; asked for once, as the system is asked each time. */
  readonly address: string;
  readonly since: number;
}

/** How far down the queue is looked for a connection from an address that has not its share yet. */
const farthest = 256;
/** As many as the kernel takes (its own ceiling is net.core.somaxconn); Node's own 511 is filled in a moment. */
const backlog = 4_096;

/**
 * The door before the gateway. Thousands of agents that dial at once would all be in their handshakes for so long that every one of them
 * gives up and dials again. Here they queue, first come, first served, before any work is done for them; how fast they come in follows from
 * how fast sessions are made.
 */
export class Entrance {
  readonly #admit: (socket: Socket) => void;
  readonly #limits: EntranceLimits;
  readonly #now: () => number;
  readonly #server: Server;
  /** Oldest first. */
  readonly #waiting = new Set<Waiting>();
  /** By the address that the connection comes from: how to make its place free. */
  readonly #inside = new Map<string, () => void>();
  readonly #insideBy = new Map<string, number>();
  readonly #sweep: NodeJS.Timeout;
  #pause: NodeJS.Immediate | undefined;

  /** @param admit begins the handshake with a connection */
  constructor(admit: (socket: Socket) => void, limits: Partial<EntranceLimits> = {}, now = () => performance.now()) {
    this.#admit = admit;
    this.#limits = { ...usual, ...limits };
    this.#now = now;
    // Nothing is read of a connection that waits.
    this.#server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => this.#arrived(socket));
    this.#sweep = setInterval(() => this.#cutOff(), 1_000).unref();
  }

  /** How many are in the queue, and how many are on their way from there to a session. */
  get count(): { readonly waiting: number; readonly inside: number } {
    return { waiting: this.#waiting.size, inside: this.#inside.size };
  }

  /** Resolves with the port. @throws what the system says when it can't listen */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port, backlog }, () => {
        this.#server.off('error', reject);
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  /** The connection from `peer` (address:port) has a session or will have none: the next one may come in. */
  settled(peer: string): void {
    this.#inside.get(peer)?.();
  }

  close(): void {
    clearInterval(this.#sweep);
    clearImmediate(this.#pause);
    this.#server.close();
    for (const { socket } of this.#waiting) socket.destroy();
    this.#waiting.clear();
    for (const free of this.#inside.values()) free();
  }

  #arrived(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    if (this.#waiting.size >= this.#limits.waiting) return void socket.resetAndDestroy();
    this.#waiting.add({ socket, address: socket.remoteAddress ?? '', since: this.#now() });
    this.#next();
  }

  #next(): void {
    if (this.#pause !== undefined) return;
    let looked = 0;
    let entered = 0;
    for (const each of this.#waiting) {
      if (this.#inside.size >= this.#limits.inside || looked++ >= farthest) return;
      if (each.socket.destroyed || this.#tooLate(each)) {
        this.#waiting.delete(each);
        each.socket.destroy();
      } else if (this.#held(each.address) < this.#limits.insideEach) {
        if (entered++ >= eachTurn) return this.#later();
        this.#waiting.delete(each);
        this.#enter(each);
      }
    }
  }

  #later(): void {
    this.#pause = setImmediate(() => {
      this.#pause = undefined;
      this.#next();
    });
  }

  #enter({ socket, address }: Waiting): void {
    const peer = `${address}:${socket.remotePort}`;
    const free = (): void => {
      clearTimeout(deadline);
      socket.off('close', free);
      if (this.#inside.get(peer) !== free) return;
      this.#inside.delete(peer);
      const left = (this.#insideBy.get(address) ?? 0) - 1;
      if (left > 0) this.#insideBy.set(address, left);
      else this.#insideBy.delete(address);
      this.#next();
    };
    const deadline = setTimeout(free, this.#limits.insideMs).unref();
    socket.once('close', free);
    this.#inside.set(peer, free);
    this.#insideBy.set(address, this.#held(address) + 1);
    this.#admit(socket);
  }

  #held(address: string): number {
    return this.#insideBy.get(address) ?? 0;
  }

  #tooLate({ since }: { readonly since: number }): boolean {
    return this.#now() - since > this.#limits.patienceMs;
  }

  /** Those that waited for too long dial again, later and not all at once. */
  #cutOff(): void {
    for (const each of this.#waiting) {
      if (!this.#tooLate(each)) return;
      this.#waiting.delete(each);
      each.socket.destroy();
    }
  }
}
