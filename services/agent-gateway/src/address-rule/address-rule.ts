/** Whether an agent may come in from where it dialled; unknown until the rules were told once. */
export type LetIn = 'yes' | 'no' | 'unknown';

/** What an agent outside of its organization's addresses is told. It asks again slowly, as the rule may be changed. */
export const notAllowed = {
  reason: 'ADDRESS_NOT_ALLOWED',
  message: "the organization lets no agent in from this address; add it: truffle allowlist set --agents '…'",
  retryAfterMs: 60_000,
} as const;

/** What an agent is told that dials before the gateway knows any rule. */
export const rulesUnknown = {
  reason: 'ADDRESS_RULES_UNKNOWN',
  message: 'the gateway does not know yet from where agents may come; try again',
  retryAfterMs: 2_000,
} as const;

const mostRemembered = 10_000;
const againAfterMs = 3_600_000;

/** Which refusals were noted already: an agent that is refused dials again for ever. */
export class Refusals {
  readonly #noted = new Map<string, number>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Whether this one is to be noted: the first from an address, and then one each hour. */
  isNew({ agentId, address }: { readonly agentId: string; readonly address: string }): boolean {
    const name = `${agentId} ${address}`;
    const before = this.#noted.get(name);
    if (before !== undefined && this.#now() - before < againAfterMs) return false;
    if (this.#noted.size >= mostRemembered) this.#noted.clear();
    this.#noted.set(name, this.#now());
    return true;
  }
}
