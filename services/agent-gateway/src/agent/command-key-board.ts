import { Code } from '@connectrpc/connect';
import type { CommandKeySet } from '@truffle/api/agent/v1/command';
import { Problem } from '@truffle/kit';
import type { Logger } from '@truffle/telemetry';

/** How often orchestration is asked, in milliseconds: a key that was added is known to each new session after at most that. */
const askEvery = 60_000;
/** The same while it has never answered, as it may start later. */
const askAgain = 1_000;

/** Orchestration has not told the keys yet: an agent that enrolled now could check no command. */
export class CommandKeysUnknownProblem extends Problem {
  override readonly name = 'CommandKeysUnknownProblem';
  constructor() {
    super(
      Code.Unavailable,
      'COMMAND_KEYS_UNKNOWN',
      'the keys that commands are signed with are not known yet; run the join again in a moment',
    );
  }
}

/** The keys that commands are signed with, as orchestration last told them. They are passed on, and used for nothing here. */
export class CommandKeyBoard {
  readonly #ask: () => Promise<CommandKeySet | undefined>;
  readonly #logger: Logger;
  #known: CommandKeySet | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(ask: () => Promise<CommandKeySet | undefined>, logger: Logger) {
    this.#ask = ask;
    this.#logger = logger;
  }

  /** Undefined until they were told once. */
  get known(): CommandKeySet | undefined {
    return this.#known;
  }

  /** As last told; asks when they never were. @throws CommandKeysUnknownProblem */
  async need(): Promise<CommandKeySet> {
    if (this.#known === undefined) await this.#refresh();
    if (this.#known === undefined) throw new CommandKeysUnknownProblem();
    return this.#known;
  }

  /** Begins to ask; resolves after the first try, whatever came of it. */
  async start(): Promise<void> {
    await this.#refresh();
    this.#next();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #next(): void {
    if (this.#closed) return;
    const wait = this.#known === undefined ? askAgain : askEvery;
    this.#timer = setTimeout(() => void this.#refresh().then(() => this.#next()), wait);
  }

  async #refresh(): Promise<void> {
    try {
      this.#known = (await this.#ask()) ?? this.#known;
    } catch (error) {
      this.#logger.debug({ err: error }, 'the keys of commands could not be read; they will be asked for again');
    }
  }
}
