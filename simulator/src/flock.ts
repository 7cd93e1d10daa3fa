import type { Clock } from './clock.ts';
import { RunError } from './errors.ts';

interface Waiter {
  shared: boolean;
  grant: () => void;
}

interface Held {
  exclusive: boolean;
  count: number;
  queue: Waiter[];
}

/** The per-guest lock files of a node: one exclusive holder or many shared ones, in order of arrival. */
export class Flocks {
  private readonly held = new Map<number, Held>();
  private readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /**
   * Runs `work` under the guest's lock.
   * @param timeoutMs how long to wait for other holders (the real one waits 10 s)
   * @throws {RunError} "can't lock file …" when the wait ends
   */
  async with<T>(
    vmid: number,
    work: () => Promise<T> | T,
    options: { timeoutMs?: number; shared?: boolean } = {},
  ): Promise<T> {
    const shared = options.shared === true;
    await this.acquire(vmid, shared, options.timeoutMs ?? 10_000);
    try {
      return await work();
    } finally {
      this.release(vmid);
    }
  }

  private async acquire(vmid: number, shared: boolean, timeoutMs: number): Promise<void> {
    const lock = this.held.get(vmid);
    if (lock === undefined) {
      this.held.set(vmid, { exclusive: !shared, count: 1, queue: [] });
      return;
    }
    if (shared && !lock.exclusive && lock.queue.length === 0) {
      lock.count += 1;
      return;
    }
    const granted = await new Promise<boolean>((resolve) => {
      const waiter: Waiter = { shared, grant: () => resolve(true) };
      lock.queue.push(waiter);
      void this.clock.sleep(timeoutMs).then(() => {
        const at = lock.queue.indexOf(waiter);
        if (at < 0) return;
        lock.queue.splice(at, 1);
        resolve(false);
      });
    });
    if (!granted) throw new RunError(`can't lock file '/var/lock/qemu-server/lock-${vmid}.conf' - got timeout`);
  }

  private release(vmid: number): void {
    const lock = this.held.get(vmid);
    if (lock === undefined) return;
    lock.count -= 1;
    if (lock.count > 0) return;
    const first = lock.queue.shift();
    if (first === undefined) {
      this.held.delete(vmid);
      return;
    }
    lock.exclusive = !first.shared;
    lock.count = 1;
    first.grant();
    while (first.shared && lock.queue[0]?.shared === true) {
      lock.count += 1;
      lock.queue.shift()?.grant();
    }
  }
}
