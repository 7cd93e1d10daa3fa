import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { performance, type EventLoopUtilization } from 'node:perf_hooks';

export interface EntranceLimits {
  /** Connections that may be between their TLS handshake and their session at once, at most. */
  readonly inside: number;
  /** At least, however much of the work at the door is in vain. */
  readonly insideLeast: number;
  /** Connections that may wait before that; further ones are cut off at once. */
  readonly waiting: number;
  /** How long one may wait: less than the 10 s that an agent gives a handshake, so that nothing is begun that nobody awaits at its end. */
  readonly patienceMs: number;
  /** After that a connection counts no more, however far it came. */
  readonly insideMs: number;
}

/**
 * As many inside as come through. Most of them the gateway waits for, over their networks: with 32 places for 10,000 slow peers behind one
 * address, 5 a second came in. But where it is itself too slow, more of them only wait for longer: on a machine that gave it a sixth of a core,
 * 192 took longer than any of them waits, and 129 of 10,000 were back after three minutes. So places grow until the work is in vain.
 */
const usual: EntranceLimits = { inside: 256, insideLeast: 32, waiting: 16_384, patienceMs: 5_000, insideMs: 5_000 };
/** How much of what may be inside one address may have. */
const shareEach = 3 / 4;
/** Part of its time that the event loop works: beyond this it is behind. A process that gets too little of a core is seen by it too. */
const busyFrom = 0.9;
const lookEveryMs = 500;
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
  readonly #utilization: () => number;
  /** How many may be inside now. */
  #places: number;
  /** Since the last look: who got an answer, and who left or was given up without one. */
  readonly #ends = { answered: 0, inVain: 0 };
  #pause: NodeJS.Immediate | undefined;

  /** @param admit begins the handshake with a connection @param utilization of the event loop since it was last asked for, 0 to 1 */
  constructor(
    admit: (socket: Socket) => void,
    limits: Partial<EntranceLimits> = {},
    now = () => performance.now(),
    utilization = eventLoop(),
  ) {
    this.#admit = admit;
    this.#limits = { ...usual, ...limits };
    this.#places = Math.min(this.#limits.inside, 2 * this.#limits.insideLeast);
    this.#now = now;
    this.#utilization = utilization;
    // Nothing is read of a connection that waits.
    this.#server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => this.#arrived(socket));
    this.#sweep = setInterval(() => this.look(), lookEveryMs).unref();
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
    const free = this.#inside.get(peer);
    if (free === undefined) return;
    this.#ends.answered++;
    free();
  }

  /** Lets fewer in when the process is behind and too much of its work is in vain, else more; and cuts off who waited for too long. */
  look(): void {
    const { inside, insideLeast } = this.#limits;
    const { answered, inVain } = this.#ends;
    const busy = this.#utilization() > busyFrom;
    if (busy && inVain > answered / 4) this.#places = Math.max(insideLeast, Math.floor(this.#places * 0.7));
    else if (this.#waiting.size > 0) this.#places = Math.min(inside, this.#places + Math.ceil(inside / 16));
    Object.assign(this.#ends, { answered: 0, inVain: 0 });
    this.#cutOff();
    this.#next();
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
      if (this.#inside.size >= this.#places || looked++ >= farthest) return;
      if (each.socket.destroyed || this.#tooLate(each)) {
        this.#waiting.delete(each);
        each.socket.destroy();
      } else if (this.#held(each.address) < Math.ceil(this.#places * shareEach)) {
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
      socket.off('close', gone);
      if (this.#inside.get(peer) !== free) return;
      this.#inside.delete(peer);
      const left = (this.#insideBy.get(address) ?? 0) - 1;
      if (left > 0) this.#insideBy.set(address, left);
      else this.#insideBy.delete(address);
      this.#next();
    };
    const gone = (): void => {
      this.#ends.inVain++;
      free();
    };
    const deadline = setTimeout(gone, this.#limits.insideMs).unref();
    socket.once('close', gone);
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

/** Part of its time that this process's event loop worked since it was last asked. */
function eventLoop(): () => number {
  let last: EventLoopUtilization | undefined;
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}
