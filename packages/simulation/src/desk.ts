import { CertificateRefused } from '../../../agent/src/identity/keeper.ts';
import type { MachineParts } from './machine.ts';
import { decoded } from './identity.ts';
import type { Answer } from './registry.ts';
import type { Replica } from './replica.ts';
import type { World } from './world.ts';

/** As the agent waits for an answer. */
const timeoutMs = 15_000;

/** Where agents ask for certificates: requests and answers are late, or lost. */
export class Desk {
  readonly #world: World;
  readonly #faulty: () => boolean;
  /** Nobody gets a certificate until then. */
  awayUntil = 0;

  constructor(world: World, faulty: () => boolean) {
    this.#world = world;
    this.#faulty = faulty;
  }

  /** As one process of an agent asks. `inside` runs what that process does. */
  of(agentId: string, alive: () => boolean, inside: (act: () => void) => void): ReturnType<MachineParts['ask']> {
    return {
      renew: async (shown, csr) => {
        const { serial, ends } = decoded(shown.certificate);
        const certificate = await this.#ask(agentId, inside, async (replica) => {
          if (ends <= this.#world.authority.wall()) throw new Error('the handshake failed');
          return replica.store.renew({ agentId, serial }, csr);
        });
        return { certificate, authorities: [] };
      },
      recover: async (claim, csr) => {
        const asked = { agentId, claim, challengedAt: this.#world.authority.wall(), request: csr };
        const certificate = await this.#ask(agentId, inside, (replica) => replica.store.recover(asked));
        if (alive()) this.#world.fault('agent recovered');
        return { certificate, authorities: [], endpoints: [] };
      },
    };
  }

  #ask(
    agentId: string,
    inside: (act: () => void) => void,
    work: (replica: Replica) => Promise<Answer>,
  ): Promise<Uint8Array> {
    const { time, chance } = this.#world;
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const fails = (why: unknown): void =>
      inside(() => reject(why instanceof Error ? why : new Error('the request failed')));
    time.after(timeoutMs, () => fails(new Error('no answer in time')));
    time.after(chance.between(0.5, 40), () => {
      const replica = chance.pick(this.#world.replicas);
      if (this.awayUntil > time.now && this.#faulty()) return fails(new Error('nothing is issued'));
      if (!replica.alive || this.#world.isCut(agentId, replica.endpoint)) return fails(new Error('not reached'));
      if (this.#lost('certificate request lost')) return;
      work(replica).then((answer) => {
        if (this.#lost('certificate lost')) return;
        time.after(chance.between(0.5, 40), () => inside(() => told(answer)));
      }, fails);
    });
    const told = (answer: Answer): void => {
      if (answer.kind === 'issued') resolve(answer.certificate);
      else reject(answer.kind === 'refused' ? new CertificateRefused(answer.reason) : new Error('asked too soon'));
    };
    return promise;
  }

  #lost(name: string): boolean {
    if (!this.#faulty() || !this.#world.chance.hits(0.1)) return false;
    this.#world.fault(name);
    return true;
  }
}
