import { create } from '@bufbuild/protobuf';
import { CommandPayloadSchema, type CommandPayload, type EnsureServer } from '@truffle/api/agent/v1/command';
import type { CommandHandler, CommandRun } from '../command/effect.ts';
import { DecodedFailure, type FailureFacts } from '../command/failure.ts';
import { decodePayload, type Asked } from '../command/intake.ts';
import type { Site } from '../command/site.ts';
import type { Journal } from '../journal/journal.ts';
import type { PolicyState } from './policy.file.ts';
import { unkept, unreachable, untellable, violation, type PolicyFacts, type Violation } from './policy.ts';

const hourMs = 3_600_000;

/** What the enforcer asks the site. */
type Grounds = Pick<Site, 'ground' | 'look'>;

export interface EnforcerDeps {
  readonly policy: () => PolicyState;
  readonly journal: Pick<Journal, 'entries' | 'deletionsSince' | 'noteDeletion'>;
  /** Milliseconds since 1970. */
  readonly wall: () => number;
}

/**
 * Holds commands to the site's policy, three times: before they are taken in, before they take effect (the policy or the time may be another
 * one by then, and the hypervisor knows more), and at each connection to a server.
 */
export class Enforcer {
  readonly #deps: EnforcerDeps;
  #site: Grounds | undefined;

  constructor(deps: EnforcerDeps) {
    this.#deps = deps;
  }

  /** The site that commands act on; it is opened after the enforcer, which its connections ask. */
  attach(site: Grounds | undefined): void {
    this.#site = site;
  }

  /** Why the command is not taken in; undefined when it is. */
  readonly gate = ({ command, payload, harmless }: Asked): FailureFacts | undefined => {
    const state = this.#deps.policy();
    if (state.kind === 'broken' && harmless) return undefined;
    return this.#refusal(state, payload, {
      ...this.#facts(),
      otherDeletes: () => this.#deletes(command.id, this.#waiting('deleteServer', command.id)),
    });
  };

  /** Why the agent may not act by itself on a server that was asked for; undefined for no reason. `exec`: something is run on it. */
  readonly objection = (server: EnsureServer, exec = false): string | undefined => {
    const state = this.#deps.policy();
    if (state.kind === 'broken') return broken(state.problem).message;
    if (state.kind === 'none') return undefined;
    const found = unkept(state.policy, server, exec, this.#facts());
    return found === undefined ? undefined : violated(found).message;
  };

  /** @throws DecodedFailure when the policy has no place for a server at that address */
  readonly mayDial = (address: string): void => {
    const state = this.#deps.policy();
    if (state.kind === 'broken') throw new DecodedFailure(broken(state.problem));
    const found = unreachable(state.policy, address);
    if (found !== undefined) throw new DecodedFailure(violated(found));
  };

  /**
   * Asked before each VM that one command removes of several: each counts as a deletion of its own. The first time of a name stays.
   * @throws DecodedFailure when the policy has no room for it
   */
  readonly mayRemove = (name: string, vmid: number): void => {
    const payload = create(CommandPayloadSchema, { op: { case: 'deleteServer', value: { vmid } } });
    const refusal = this.#refusal(this.#deps.policy(), payload, {
      ...this.#facts(),
      otherDeletes: () => this.#deletes(name),
    });
    if (refusal !== undefined) throw new DecodedFailure(refusal);
    this.#deps.journal.noteDeletion(name, this.#deps.wall());
  };

  /** The handler, which now asks the policy before it does anything. */
  readonly guard = (handler: CommandHandler): CommandHandler =>
    handler.harmless === true ? handler : { ...handler, run: (run) => this.#run(handler, run) };

  async #run(handler: CommandHandler, run: CommandRun): ReturnType<CommandHandler['run']> {
    let state = this.#deps.policy();
    let seen = await this.#look(state, run);
    // Another policy may depend on more than was looked at.
    for (let now = this.#deps.policy(); now !== state; now = this.#deps.policy()) {
      state = now;
      seen = await this.#look(state, run);
    }
    // From here to the note nothing waits: two deletions can't both be the last one.
    const refusal = this.#refusal(state, run.payload, {
      ...this.#facts(),
      ...seen,
      otherDeletes: () => this.#deletes(run.commandId),
    });
    if (refusal !== undefined) throw new DecodedFailure(refusal);
    if (handler.kind === 'deleteServer') this.#deps.journal.noteDeletion(run.commandId, this.#deps.wall());
    return handler.run(run);
  }

  #refusal(state: PolicyState, payload: CommandPayload, facts: PolicyFacts): FailureFacts | undefined {
    if (state.kind === 'broken') return broken(state.problem);
    // A site without a policy bounds nothing, and still has named nobody that its secrets may be told to.
    const found = state.kind === 'none' ? untellable(state.policy, payload) : violation(state.policy, payload, facts);
    return found === undefined ? undefined : violated(found);
  }

  /** Asks the hypervisor what the policy depends on, and only that. */
  async #look(state: PolicyState, { commandId, payload, signal }: CommandRun): Promise<Partial<PolicyFacts>> {
    const { op } = payload;
    if (state.kind !== 'in force' || this.#site === undefined || op.case !== 'ensureServer') return {};
    const { storages: allowed, limits } = state.policy;
    if (allowed === undefined && limits.servers === undefined) return {};
    const { servers, storages } = await this.#site.look(op.value.image, signal);
    const others = new Set([...servers, ...this.#waiting('ensureServer', commandId).map((waiting) => waiting.vmid)]);
    others.delete(op.value.vmid);
    return { storages, otherServers: others.size };
  }

  #facts(): PolicyFacts {
    return { now: this.#deps.wall(), ground: this.#site?.ground };
  }

  /** Deletions of the last hour, and those that wait, besides the command's own. */
  #deletes(commandId: string, waiting: readonly Waiting[] = []): number {
    const begun = this.#deps.journal.deletionsSince(this.#deps.wall() - hourMs);
    const all = new Set([...begun, ...waiting.map(({ id }) => id)]);
    all.delete(commandId);
    return all.size;
  }

  /** Commands of that kind in the journal that were taken in before this one and have not ended; all of them when it was not taken in. */
  #waiting(kind: 'ensureServer' | 'deleteServer', commandId: string): readonly Waiting[] {
    const entries = this.#deps.journal.entries();
    const at = entries.findIndex(({ id }) => id === commandId);
    return entries.slice(0, at < 0 ? entries.length : at).flatMap(({ id, state, payload }) => {
      const op = state === 'ended' ? undefined : decodePayload(payload)?.op;
      return op?.case === kind ? [{ id, vmid: op.value.vmid }] : [];
    });
  }
}

interface Waiting {
  readonly id: string;
  readonly vmid: number;
}

function violated({ rule, wanted, allowed }: Violation): FailureFacts {
  return {
    reason: 'POLICY_VIOLATION',
    message: `The site's policy does not allow it: ${rule} would be ${wanted}, allowed is ${allowed}.`,
    cause: 'The site has a policy of its own, which the control plane can neither change nor pass by.',
    remedy:
      rule === 'recipients'
        ? nameRecipient
        : `Ask for what is allowed, or have the site's operator change ${rule} in the policy file.`,
    retryable: rule === 'windows' || rule === 'limits.deletesPerHour',
    parameters: { rule, wanted, allowed },
  };
}

/** Names no key: what came with the command may be another's than that of the person who reads this. */
const nameRecipient =
  'Have the site’s operator add your own key, as `truffle key show` prints it, to the agent’s policy file (--policy): recipients: [tfk_…].';

const broken = (problem: string): FailureFacts => ({
  reason: 'POLICY_INVALID',
  message: `The site takes no work: its policy can't be used: ${problem}`,
  cause: 'The policy file of the site is damaged, missing, or open to others.',
  remedy: 'On the site: truffle-agent policy check. When it is mended, try again.',
  retryable: true,
  parameters: { problem },
});
