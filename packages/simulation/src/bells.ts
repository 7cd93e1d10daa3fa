import type { Chance } from './chance.ts';
import type { Scheduler } from './scheduler.ts';

/** Doorbells as NATS core has them: heard late, twice, or not at all. */
export class Bells {
  readonly #listeners = new Map<string, Set<(data: string) => void>>();
  readonly #time: Scheduler;
  readonly #chance: Chance;
  readonly #fault: (name: string) => void;
  readonly #faulty: () => boolean;

  constructor(time: Scheduler, chance: Chance, faults: { fault: (name: string) => void; faulty: () => boolean }) {
    this.#time = time;
    this.#chance = chance;
    this.#fault = faults.fault;
    this.#faulty = faults.faulty;
  }

  listen(subject: string, heard: (data: string) => void): () => void {
    const all = this.#listeners.get(subject) ?? new Set();
    this.#listeners.set(subject, all.add(heard));
    return () => void all.delete(heard);
  }

  ring(subject: string, data = ''): void {
    for (const heard of this.#listeners.get(subject) ?? []) {
      if (this.#faulty() && this.#chance.hits(0.1)) {
        this.#fault('doorbell lost');
        continue;
      }
      const again = this.#faulty() && this.#chance.hits(0.1);
      if (again) this.#fault('doorbell rung twice');
      for (let i = 0; i <= Number(again); i++)
        this.#time.after(this.#chance.between(0.2, again ? 3_000 : 20), () => {
          if (this.#listeners.get(subject)?.has(heard) === true) heard(data);
        });
    }
  }
}
