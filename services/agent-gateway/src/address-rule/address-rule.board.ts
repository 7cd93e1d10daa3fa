import { setTimeout as delay } from 'node:timers/promises';
import { timestampFromMs, timestampMs, type Timestamp } from '@bufbuild/protobuf/wkt';
import type { ListAgentAddressRulesResponse } from '@truffle/api/tenant/v1/allowlist_service';
import { AddressProblem, AddressRanges, Problem } from '@truffle/kit';
import { Code } from '@connectrpc/connect';
import type { Logger } from '@truffle/telemetry';
import { rulesUnknown, type LetIn } from './address-rule.ts';

export type AskForRules = (
  since: Timestamp | undefined,
  afterOrgId: string,
) => Promise<Pick<ListAgentAddressRulesResponse, 'rules' | 'more' | 'now'>>;

/** How often changes are asked for, though their doorbell is lost, in milliseconds. */
const askEveryMs = 3_000;
const firstPauseMs = 100;
/** What was committed this long before it began is asked for again: a transaction's time is that of its beginning. */
const overlapMs = 60_000;

/**
 * The agents' rules of every organization that has some, as the tenant service last told them: a Hello asks nobody. Changes are asked
 * for, not everything. What is known stays known while the tenant service is away.
 */
export class AddressRuleBoard {
  readonly #ask: AskForRules;
  readonly #logger: Logger;
  readonly #changed: () => void;
  readonly #rules = new Map<string, AddressRanges>();
  #since: Timestamp | undefined;
  #asking: Promise<void> | undefined;
  #again = false;
  readonly #closed = new AbortController();

  /** @param changed is called when rules were told, other than the first time */
  constructor(ask: AskForRules, logger: Logger, changed: () => void) {
    this.#ask = ask;
    this.#logger = logger;
    this.#changed = changed;
  }

  /** Begins to ask; resolves after the first try, whatever came of it: the tenant service may start later. */
  async start(): Promise<void> {
    const first = await this.#try();
    void this.#keep(first ? 0 : 1);
  }

  close(): void {
    this.#closed.abort();
  }

  letsIn({ orgId, address }: { readonly orgId: string; readonly address: string }): LetIn {
    if (this.#since === undefined) return 'unknown';
    return this.#rules.get(orgId)?.contains(address) === false ? 'no' : 'yes';
  }

  /** @throws AddressProblem; Problem UNAVAILABLE when the rules are not known and nobody tells them now */
  async demand(identity: { readonly orgId: string; readonly address: string }): Promise<void> {
    if (this.#since === undefined) await this.#try();
    const letIn = this.letsIn(identity);
    if (letIn === 'no') throw new AddressProblem(identity.orgId, identity.address);
    if (letIn === 'unknown') throw new Problem(Code.Unavailable, rulesUnknown.reason, rulesUnknown.message);
  }

  /** Asks for what changed; once more when it is called meanwhile. */
  refresh(): Promise<void> {
    if (this.#asking !== undefined) this.#again = true;
    this.#asking ??= this.#refresh().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  async #try(): Promise<boolean> {
    try {
      await this.refresh();
      return true;
    } catch (error) {
      this.#logger.debug({ err: error }, 'the address rules of agents could not be read; they will be asked for again');
      return false;
    }
  }

  async #keep(failures: number): Promise<void> {
    const { signal } = this.#closed;
    for (let failed = failures; !signal.aborted;) {
      const pause = failed === 0 ? askEveryMs : Math.min(askEveryMs, firstPauseMs * 2 ** failed) * Math.random();
      await delay(pause, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      failed = (await this.#try()) ? 0 : failed + 1;
    }
  }

  async #refresh(): Promise<void> {
    do {
      this.#again = false;
      const since = this.#since;
      let told = 0;
      let began: Timestamp | undefined;
      for (let after = ''; ;) {
        const { rules, more, now } = await this.#ask(since, after);
        // The first page's time: what changes while the others are read is asked for the next time.
        began ??= now;
        for (const { orgId, ranges } of rules) {
          if (ranges.length === 0) this.#rules.delete(orgId);
          else this.#rules.set(orgId, new AddressRanges(ranges));
        }
        told += rules.length;
        after = rules.at(-1)?.orgId ?? '';
        if (!more || after === '') break;
      }
      if (began !== undefined) this.#since = timestampFromMs(timestampMs(began) - overlapMs);
      if (told > 0) this.#changed();
    } while (this.#again);
  }
}
