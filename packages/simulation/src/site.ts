import { Effect, Outcome } from '@truffle/api/agent/v1/command';
import type { CommandHandler, CommandRun } from '../../../agent/src/command/effect.ts';
import { DecodedFailure } from '../../../agent/src/command/failure.ts';
import type { Chance } from './chance.ts';
import type { Tables } from './database.ts';

/** A process of an agent, as the site knows it. */
export interface Actor {
  readonly agentId: string;
  /** Resolves after `ms`, unless the process died. */
  readonly pause: (ms: number) => Promise<void>;
  readonly alive: () => boolean;
}

/** The hypervisor: effects by their handles. It checks each effect against what the database holds. */
export class Site {
  readonly #tables: Tables;
  readonly #chance: Chance;
  readonly #violation: (what: string) => void;
  /** Whether two processes, or a journal that went back, may act for the agent. */
  readonly #tainted: (agentId: string) => boolean;
  readonly #effects = new Map<string, number>();
  readonly #busy = new Map<string, { readonly commandId: string; readonly actor: Actor }>();
  readonly #fences = new Map<string, bigint>();

  constructor(parts: {
    readonly tables: Tables;
    readonly chance: Chance;
    readonly violation: (what: string) => void;
    readonly tainted: (agentId: string) => boolean;
  }) {
    this.#tables = parts.tables;
    this.#chance = parts.chance;
    this.#violation = parts.violation;
    this.#tainted = parts.tainted;
  }

  effects(commandId: string): number {
    return this.#effects.get(commandId) ?? 0;
  }

  /** Check, act, clean; with pauses between, in which the process may die. */
  handler(actor: Actor): CommandHandler {
    return {
      kind: 'deleteServer',
      needsPermit: true,
      run: async (run) => {
        const resource = this.#tables.command(run.commandId)?.life.resourceKey ?? '';
        this.#enter(resource, run.commandId, actor);
        try {
          return await this.#run(run, actor);
        } finally {
          if (this.#busy.get(resource)?.commandId === run.commandId) this.#busy.delete(resource);
        }
      },
    };
  }

  async #run(run: CommandRun, actor: Actor): Promise<{ outcome: Outcome; effect: Effect }> {
    const pause = (): Promise<void> => actor.pause(this.#chance.hits(0.05) ? 20_000 : this.#chance.between(0, 2_000));
    await pause();
    run.signal.throwIfAborted();
    if (this.#chance.hits(0.05) && run.recall('act') === undefined)
      throw new DecodedFailure({ reason: 'NO_ROOM', message: 'The site has no room.', effect: Effect.NONE });
    const { observed } = run.intend('act', { handle: run.commandId });
    run.progress('act', 'acting');
    await pause();
    // The handle finds the effect of a life before.
    if (observed === undefined && this.effects(run.commandId) === 0) {
      await actor.pause(this.#chance.between(0, 50));
      this.#act(run.commandId, actor);
    }
    run.log('agent', 'acted');
    await pause();
    run.observe('act', true);
    await pause();
    return { outcome: Outcome.SUCCEEDED, effect: Effect.FULL };
  }

  #enter(resource: string, commandId: string, actor: Actor): void {
    const busy = this.#busy.get(resource);
    if (busy !== undefined && busy.actor.alive() && busy.commandId !== commandId && !this.#tainted(actor.agentId))
      this.#violation(`${commandId} runs beside ${busy.commandId} on ${resource}`);
    this.#busy.set(resource, { commandId, actor });
  }

  #act(commandId: string, actor: Actor): void {
    const row = this.#tables.command(commandId);
    if (row === undefined) return this.#violation(`${commandId} took effect and nobody asked for it`);
    const { life, load } = row;
    if (life.permitNo !== 1) this.#violation(`${commandId} took effect in ${life.state} without a permit`);
    if (this.effects(commandId) > 0) {
      // The hypervisor refuses a handle that is taken; only a copy of the agent can come this far.
      if (!this.#tainted(actor.agentId)) this.#violation(`${commandId} would have taken effect twice`);
      return;
    }
    const fence = this.#fences.get(life.resourceKey) ?? 0n;
    if (load.fence < fence && !this.#tainted(actor.agentId))
      this.#violation(`${commandId} took effect after a newer intent on ${life.resourceKey}`);
    this.#fences.set(life.resourceKey, load.fence > fence ? load.fence : fence);
    this.#effects.set(commandId, 1);
  }
}
