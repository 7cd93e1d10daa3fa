import { setTimeout as delay } from 'node:timers/promises';
import { appendEvent, withCommit, type EventAuthor } from '@truffle/database';
import { bells, type Bell } from '@truffle/kit';
import { sql } from 'kysely';
import { holdSessions, leaseNow, type HeldSession } from '../session/session.repo.ts';
import type { GatewayDatabase, Tx } from '../tables.ts';
import { advance, type Fact, type Word } from './advance.ts';
import { Batcher } from './batcher.ts';
import { isActive, isTerminal, type CommandState } from './command.ts';
import { refusedBySite } from './command.refusal.ts';
import { lockCommands, lockQueued, saveCommands, type CommandLoad, type LockedCommand } from './command.repo.ts';

/** The session that a fact came by. */
export interface SessionRef {
  readonly orgId: string;
  readonly agentId: string;
  readonly epoch: number;
  readonly incarnation: string;
}

export interface Step {
  readonly session: SessionRef;
  readonly commandId: string;
  readonly fact: Fact;
}

/** What became of a step. */
export interface Outcomes {
  readonly words: readonly Word[];
  /** Where the command stands now; undefined when the agent has no such command. */
  readonly state: CommandState | undefined;
}

export interface Claim {
  readonly session: SessionRef;
  readonly room: number;
}

export interface FlowParts {
  readonly gatewayId: string;
  readonly database: GatewayDatabase;
  readonly bell: Bell;
  /** Told of commands without a workflow that ended here, after the commit: someone may wait for them. */
  readonly ended: (commandIds: readonly string[]) => void;
}

/** The author of what the gateway notes on its own account. */
export const gatewayAuthor = (requestId: string): EventAuthor => ({ subject: 'svc:agent-gateway', requestId });

/** Moves commands: facts of many sessions of one organization share a transaction, and nothing is said before it is stored. */
export class CommandFlow {
  readonly #parts: FlowParts;
  readonly #steps: Batcher<Step, Outcomes>;
  readonly #claims: Batcher<Claim, readonly CommandLoad[]>;

  constructor(parts: FlowParts) {
    this.#parts = parts;
    this.#steps = new Batcher({ run: (orgId, steps) => this.#runSteps(orgId, steps), most: 256, delay });
    this.#claims = new Batcher({ run: (orgId, claims) => this.#runClaims(orgId, claims), most: 32, delay });
  }

  /** Brings one fact about one command into the database. */
  submit(step: Step): Promise<Outcomes> {
    return this.#steps.submit(step.session.orgId, step);
  }

  /** Takes at most `room` queued commands for a session, oldest first; none when the session or the lease is no longer in force. */
  claim(claim: Claim): Promise<readonly CommandLoad[]> {
    return this.#claims.submit(claim.session.orgId, claim);
  }

  async #runSteps(orgId: string, steps: readonly Step[]): Promise<Outcomes[]> {
    const changed: Changed[] = [];
    const outcomes = await this.#parts.database.tenant(orgId, async (tx) => {
      changed.length = 0;
      const [sessions, locked, at] = await Promise.all([
        holdSessions(tx, unique(steps.map((s) => s.session.agentId))),
        lockCommands(tx, unique(steps.map((s) => s.commandId))),
        leaseNow(tx, this.#parts.gatewayId),
      ]);
      const batch = new Batch(locked);
      const done = steps.map((step) => batch.step(step, sessions.get(step.session.agentId), at));
      changed.push(...batch.changed());
      withCommit(
        tx,
        saveCommands(
          tx,
          changed.map((c) => c.after),
        ),
      );
      await noteOddities(tx, orgId, changed);
      return done;
    });
    tellOf(this.#parts.bell, changed);
    this.#parts.ended(
      changed.filter((c) => c.after.workflowId === '' && isTerminal(c.after.state)).map((c) => c.after.id),
    );
    return outcomes;
  }

  async #runClaims(orgId: string, claims: readonly Claim[]): Promise<(readonly CommandLoad[])[]> {
    return this.#parts.database.tenant(orgId, async (tx) => {
      // A claim that a crash of the database forgets leaves the command queued, and its agent knows it by its id when it comes again.
      const relaxed = sql`set local synchronous_commit = off`.execute(tx);
      const found = await Promise.all([
        holdSessions(tx, unique(claims.map((c) => c.session.agentId))),
        ...claims.map((c) => lockQueued(tx, c.session.agentId, c.room)),
        leaseNow(tx, this.#parts.gatewayId),
        relaxed,
      ] as const);
      const sessions = found[0];
      const at = found[claims.length + 1] as Awaited<ReturnType<typeof leaseNow>>;
      const taken = claims.map((claim, i) => {
        const queued = found[i + 1] as Awaited<ReturnType<typeof lockQueued>>;
        return queued.flatMap(({ command, load }) => {
          const moved = advance(
            command,
            { kind: 'dispatch' },
            {
              ...at,
              ...judge(claim.session, sessions.get(claim.session.agentId), at.leased),
              resourceBusy: command.resourceBusy,
            },
          );
          return moved.words.length > 0 ? [{ load, command: moved.command }] : [];
        });
      });
      withCommit(
        tx,
        saveCommands(
          tx,
          taken.flat().map((t) => t.command),
        ),
      );
      return taken.map((each) => each.map((t) => t.load));
    });
  }
}

/** A command before and after a transaction. */
export interface Changed {
  readonly before: LockedCommand;
  readonly after: LockedCommand;
}

/** Commands as they become, fact by fact, in one transaction. Pure. */
export class Batch {
  readonly #before: ReadonlyMap<string, LockedCommand>;
  readonly #after: Map<string, LockedCommand>;
  readonly #taken = new Set<string>();

  constructor(locked: readonly LockedCommand[]) {
    this.#before = new Map(locked.map((c) => [c.id, c]));
    this.#after = new Map(this.#before);
  }

  step(step: Step, held: HeldSession | undefined, at: { readonly now: number; readonly leased: boolean }): Outcomes {
    const command = this.#after.get(step.commandId);
    // Of a command that is not this agent's nothing is told and nothing moves; it may forget it.
    if (command === undefined || command.agentId !== step.session.agentId)
      return { words: step.fact.kind === 'result' ? [{ kind: 'ack', terminal: true }] : [], state: undefined };
    const { mayBegin, current, incarnation } = judge(step.session, held, at.leased);
    if (!current && step.fact.kind !== 'result') return { words: [], state: command.state };
    const moved = advance(command, step.fact, {
      now: at.now,
      mayBegin,
      incarnation,
      resourceBusy: command.resourceBusy || this.#taken.has(command.resourceKey),
    });
    const after = { ...command, ...moved.command };
    if (after.needsPermit && isActive(after.state)) this.#taken.add(after.resourceKey);
    this.#after.set(after.id, after);
    return { words: moved.words, state: after.state };
  }

  changed(): Changed[] {
    return [...this.#before.values()].flatMap((before) => {
      const after = this.#after.get(before.id);
      return after === undefined || unchanged(before, after) ? [] : [{ before, after }];
    });
  }
}

const unchanged = (a: LockedCommand, b: LockedCommand): boolean =>
  (Object.keys(a) as (keyof LockedCommand)[]).every((key) => a[key] === b[key]);

/** What a session may do, by what the database holds of it. */
export function judge(
  session: SessionRef,
  held: HeldSession | undefined,
  leased: boolean,
): { readonly mayBegin: boolean; readonly current: boolean; readonly incarnation: string } {
  const current = held !== undefined && held.epoch === session.epoch;
  return { current, mayBegin: current && held.trusted && leased, incarnation: session.incarnation };
}

/** Appends what a person should look into. */
export async function noteOddities(
  tx: Tx,
  orgId: string,
  changed: readonly { readonly before: LockedCommand; readonly after: LockedCommand }[],
): Promise<void> {
  for (const { before, after } of changed) {
    const refusal = refusedBySite(before, after);
    if (refusal !== undefined)
      await appendEvent(tx, gatewayAuthor(after.id), {
        orgId,
        name: 'command.refused_by_site',
        resourceId: after.id,
        data: { agentId: after.agentId, operationId: after.operationId, resourceKey: after.resourceKey, ...refusal },
      });
    if (before.lateResult === null && after.lateResult !== null)
      await appendEvent(tx, gatewayAuthor(after.id), {
        orgId,
        name: 'command.contradicted',
        resourceId: after.id,
        data: { agentId: after.agentId, state: after.state },
      });
    if (before.state !== 'UNKNOWN' && after.state === 'UNKNOWN')
      await appendEvent(tx, gatewayAuthor(after.id), {
        orgId,
        name: 'command.lost',
        resourceId: after.id,
        data: { agentId: after.agentId, resourceKey: after.resourceKey },
      });
  }
}

/** Rings for the workflows and operations whose commands moved. */
export function tellOf(bell: Bell, changed: readonly { readonly after: LockedCommand }[]): void {
  for (const id of unique(changed.map((c) => c.after.workflowId))) if (id !== '') bell.ring(bells.workflow, id);
  for (const id of unique(changed.map((c) => c.after.operationId))) if (id !== '') bell.ring(bells.operation(id));
}

const unique = (items: readonly string[]): string[] => [...new Set(items)];
