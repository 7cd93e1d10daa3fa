import { bells, type Bell } from '@truffle/kit';

/** Tells who waits for a command that it ended: in this process at once, from other gateways by a doorbell. */
export class EndedCommands {
  readonly #bell: Bell;
  readonly #waiting = new Map<string, () => void>();

  constructor(bell: Bell) {
    this.#bell = bell;
  }

  /** `heard` resolves when the command ended; a lost ring leaves it open, so poll beside it. Call `forget` afterwards. */
  watch(commandId: string): { readonly heard: Promise<void>; readonly forget: () => void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const unlisten = this.#bell.listen(bells.command(commandId), () => resolve());
    this.#waiting.set(commandId, resolve);
    return {
      heard: promise,
      forget: () => {
        unlisten();
        this.#waiting.delete(commandId);
      },
    };
  }

  tell(commandIds: readonly string[]): void {
    for (const id of commandIds) {
      const waiting = this.#waiting.get(id);
      if (waiting === undefined) this.#bell.ring(bells.command(id));
      else waiting();
    }
  }
}
