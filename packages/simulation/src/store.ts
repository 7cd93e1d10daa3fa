// Long, as it is one body for each transaction of a gateway.
import { createHash } from 'node:crypto';
import type { Hello, LinkResponse } from '@truffle/api/agent/v1/link';
import { InFlightState } from '@truffle/api/agent/v1/link';
import { advance, type Held } from '../../../services/agent-gateway/src/command/advance.ts';
import { Batcher } from '../../../services/agent-gateway/src/command/batcher.ts';
import type { CommandLoad, LockedCommand } from '../../../services/agent-gateway/src/command/command.repo.ts';
import { isTerminal } from '../../../services/agent-gateway/src/command/command.ts';
import {
  Batch,
  judge,
  type Changed,
  type Claim,
  type Outcomes,
  type SessionRef,
  type Step,
} from '../../../services/agent-gateway/src/command/flow.ts';
import { admit, wasOffered, type HolderClaim } from '../../../services/agent-gateway/src/session/admission.ts';
import { pace } from '../../../services/agent-gateway/src/session/session.ts';
import type { Opening, PeerIdentity, Reunion } from '../../../services/agent-gateway/src/session/standing.ts';
import type { Tables } from './database.ts';
import { adopted, knownSession, quarantine, recover, renew, type Answer, type Authority } from './registry.ts';

/** What a gateway's transactions run in. */
export interface StoreParts {
  readonly gatewayId: string;
  readonly tables: Tables;
  /** The database's clock. */
  readonly dbNow: () => number;
  /** Runs a transaction, which takes time, may fail, and may be committed though its answer is lost. */
  readonly transact: <T>(body: () => T) => Promise<T>;
  readonly delay: (ms: number) => Promise<unknown>;
  readonly random: () => number;
  /** A number that was never given before. */
  readonly fresh: () => number;
  readonly authority: Authority;
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const claimOf = ({ incarnation, journalLsn, continuity }: Hello): HolderClaim => ({
  incarnation,
  journalLsn,
  continuity: continuity.length === 0 ? '' : sha256(continuity),
});
const offeredCharacters = 8 * 64;
const nowhere = { now: 0, mayBegin: false, incarnation: '', resourceBusy: false } as const;

/** The transactions of `SessionStore` and `CommandFlow` on the simulated tables: what is decided in them is the product's own code. */
export class SimulatedStore {
  readonly #parts: StoreParts;
  readonly #steps: Batcher<Step, Outcomes>;
  readonly #claims: Batcher<Claim, readonly CommandLoad[]>;

  constructor(parts: StoreParts) {
    this.#parts = parts;
    const { delay, random } = parts;
    this.#steps = new Batcher({ run: (_org, steps) => this.#runSteps(steps), most: 256, delay, random });
    this.#claims = new Batcher({ run: (_org, claims) => this.#runClaims(claims), most: 32, delay, random });
  }

  submit = (step: Step): Promise<Outcomes> => this.#steps.submit(step.session.orgId, step);
  claim = (claim: Claim): Promise<readonly CommandLoad[]> => this.#claims.submit(claim.session.orgId, claim);

  open(identity: PeerIdentity, hello: Hello): Promise<Opening> {
    const { tables, transact, gatewayId, dbNow } = this.#parts;
    const presented = hello.continuity.length === 0 ? '' : sha256(hello.continuity);
    return transact((): Opening => {
      const { agentId, orgId } = identity;
      const [known, session] = [knownSession(tables, agentId, dbNow()), tables.session(agentId)];
      if (known === undefined || session === undefined)
        return {
          kind: 'refused',
          reason: 'AGENT_REVOKED',
          message: 'there is no such agent',
          quarantine: false,
          retryAfterMs: 0,
        };
      const claim = { ...hello, certificateSerial: identity.certificateSerial, continuity: presented };
      const admission = admit(known, claim);
      if (admission.kind === 'refuse') {
        return { ...admission, kind: 'refused' };
      }
      const token = Buffer.from(`token ${this.#parts.fresh()}`);
      const adopted = wasOffered(session.continuityNext, presented);
      const restart = adopted || !admission.sameIncarnation;
      const epoch = session.epoch + 1;
      tables.putSession(agentId, {
        denied: session.denied,
        changedAt: this.#parts.authority.wall(),
        epoch,
        gatewayId,
        open: true,
        incarnation: hello.incarnation,
        journalLsn: hello.journalLsn,
        continuity: admission.sameIncarnation ? (adopted ? presented : session.continuity) : null,
        continuityNext: ((restart ? '' : (session.continuityNext ?? '')) + sha256(token)).slice(-offeredCharacters),
      });
      return {
        kind: 'offered',
        session: { orgId, agentId, epoch, incarnation: hello.incarnation },
        sameIncarnation: admission.sameIncarnation,
        welcome: welcomeOf(epoch, token),
      };
    });
  }

  confirm(session: SessionRef, serial: string, hello: Hello, sameIncarnation: boolean): Promise<Reunion | undefined> {
    const { tables, transact } = this.#parts;
    return transact(() => {
      const { agentId, epoch } = session;
      const [row, agent] = [tables.session(agentId), tables.agent(agentId)];
      if (row === undefined || row.epoch !== epoch || agent === undefined) return undefined;
      const changedAt = this.#parts.authority.wall();
      tables.putSession(agentId, {
        ...row,
        changedAt,
        continuity: row.continuityNext?.slice(-64) ?? null,
        continuityNext: null,
      });
      if (agent.standing === 'QUARANTINED' || agent.standing === 'REVOKED') return undefined;
      tables.putAgent(agentId, { ...adopted(agent, serial), standing: 'ONLINE' });
      return this.#reunite(session, hello, sameIncarnation);
    });
  }

  #reunite(session: SessionRef, hello: Hello, sameIncarnation: boolean): Reunion {
    const { tables } = this.#parts;
    const journal = new Map(hello.inFlight.map((entry) => [entry.commandId, heldOf[entry.state]]));
    const mine = tables.lock(
      ({ life }) => life.agentId === session.agentId && (!isTerminal(life.state) || journal.has(life.id)),
    );
    const { now, leased } = this.#lease();
    const busy = new Set<string>();
    const moved = mine.map((before) => {
      const fact = { kind: 'reconnected', held: journal.get(before.id) ?? 'nothing', sameIncarnation } as const;
      const resourceBusy = before.resourceBusy || busy.has(before.resourceKey);
      const step = advance(before, fact, { now, mayBegin: leased, incarnation: session.incarnation, resourceBusy });
      if (step.command.needsPermit && step.command.state === 'RUNNING') busy.add(before.resourceKey);
      return { before, after: { ...before, ...step.command }, words: step.words };
    });
    this.#save(moved);
    const known = new Set(mine.map((c) => c.id));
    return {
      moved,
      loads: loadsOf(
        tables,
        moved.filter((m) => m.words.some((w) => w.kind === 'send')).map((m) => m.after.id),
      ),
      unknown: [...journal.keys()].filter((id) => !known.has(id)),
    };
  }

  resume({ agentId, epoch }: SessionRef): Promise<void> {
    const { tables, transact } = this.#parts;
    return transact(() => {
      const [row, agent] = [tables.session(agentId), tables.agent(agentId)];
      if (row === undefined || agent === undefined || row.epoch !== epoch || row.open) return;
      tables.putSession(agentId, { ...row, open: true });
      if (agent.standing === 'OFFLINE') tables.putAgent(agentId, { ...agent, standing: 'ONLINE' });
    });
  }

  async close(session: SessionRef): Promise<void> {
    const { tables, transact } = this.#parts;
    await transact(() => {
      const { agentId, epoch } = session;
      const [row, agent] = [tables.session(agentId), tables.agent(agentId)];
      if (row === undefined || agent === undefined || row.epoch !== epoch || !row.open) return;
      tables.putSession(agentId, { ...row, open: false });
      const open = tables.lock(({ life }) => life.agentId === agentId && !isTerminal(life.state));
      this.#save(
        open.map((before) => ({
          before,
          after: { ...before, ...advance(before, { kind: 'sessionLost' }, nowhere).command },
        })),
      );
      if (agent.standing === 'ONLINE') tables.putAgent(agentId, { ...agent, standing: 'OFFLINE' });
    });
  }

  async noteKept(): Promise<void> {
    await this.#parts.transact(() => undefined);
  }

  renew(holder: { readonly agentId: string; readonly serial: string }, request: Uint8Array): Promise<Answer> {
    const { tables, transact, authority } = this.#parts;
    return transact(() => renew(tables, authority, holder, request));
  }

  recover(asked: Parameters<typeof recover>[3]): Promise<Answer> {
    const { tables, transact, authority, dbNow } = this.#parts;
    return transact(() => recover(tables, authority, dbNow(), asked));
  }

  quarantine(
    { agentId, certificateSerial }: PeerIdentity,
    { message }: { readonly message: string },
    hello?: Hello,
  ): Promise<void> {
    const { tables, transact } = this.#parts;
    return transact(() => {
      const agent = tables.agent(agentId);
      if (agent?.certificateSerial !== certificateSerial && agent?.next?.serial !== certificateSerial) return;
      quarantine(tables, agentId, message, hello === undefined ? undefined : claimOf(hello));
    });
  }

  /** Ends what is overdue; answers what its agents must be told to stop. */
  expireOverdue(failure: Uint8Array): Promise<readonly LockedCommand[]> {
    const { tables, transact } = this.#parts;
    return transact(() => {
      const { now } = this.#lease();
      const moved = tables
        .lock(({ life }) => !isTerminal(life.state))
        .map((before) => ({
          before,
          after: { ...before, ...advance(before, { kind: 'expire', failure }, { ...nowhere, now }).command },
        }))
        .filter((m) => m.before.state !== m.after.state);
      this.#save(moved);
      return moved.filter((m) => m.after.state === 'EXPIRED' && m.before.state !== 'QUEUED').map((m) => m.after);
    });
  }

  /** Calls a command off; says whether its agent is to be told. */
  cancel(id: string, failure: Uint8Array): Promise<boolean> {
    const { tables, transact } = this.#parts;
    return transact(() => {
      const { now } = this.#lease();
      const [before] = tables.lock(({ life }) => life.id === id);
      if (before === undefined) return false;
      const step = advance(before, { kind: 'cancel', failure }, { ...nowhere, now, resourceBusy: true });
      this.#save([{ before, after: { ...before, ...step.command } }]);
      return step.words.length > 0 && before.state !== 'QUEUED';
    });
  }

  #runSteps(steps: readonly Step[]): Promise<Outcomes[]> {
    const { tables, transact } = this.#parts;
    return transact(() => {
      const wanted = new Set(steps.map((s) => s.commandId));
      const batch = new Batch(tables.lock(({ life }) => wanted.has(life.id)));
      const at = this.#lease();
      const done = steps.map((step) => batch.step(step, this.#held(step.session.agentId), at));
      this.#save(batch.changed());
      return done;
    });
  }

  #runClaims(claims: readonly Claim[]): Promise<(readonly CommandLoad[])[]> {
    const { tables, transact } = this.#parts;
    return transact(() => {
      const at = this.#lease();
      return claims.map(({ session, room }) => {
        const queued = tables
          .commands()
          .filter(({ life }) => life.agentId === session.agentId && life.state === 'QUEUED')
          .toSorted((a, b) => a.n - b.n)
          .slice(0, room);
        const judged = judge(session, this.#held(session.agentId), at.leased);
        const taken = queued.flatMap(({ life, load }) => {
          const step = advance(life, { kind: 'dispatch' }, { ...at, ...judged, resourceBusy: false });
          return step.words.length > 0 ? [{ load, before: life, after: { ...life, ...step.command } }] : [];
        });
        this.#save(taken);
        return taken.map((t) => t.load);
      });
    });
  }

  #save(moved: readonly Changed[]): void {
    const { tables } = this.#parts;
    const changed = moved.filter((m) => m.before !== m.after);
    tables.save(changed.map((m) => m.after));
    for (const { before, after } of changed) {
      if (before.lateResult === null && after.lateResult !== null) tables.note('command.contradicted', after.id);
      if (before.state !== 'UNKNOWN' && after.state === 'UNKNOWN') tables.note('command.lost', after.id);
    }
  }

  #held(agentId: string): { agentId: string; epoch: number; trusted: boolean } | undefined {
    const { tables } = this.#parts;
    const [row, agent] = [tables.session(agentId), tables.agent(agentId)];
    if (row === undefined || agent === undefined) return undefined;
    return { agentId, epoch: row.epoch, trusted: agent.standing === 'ONLINE' };
  }

  #lease(): { readonly now: number; readonly leased: boolean } {
    const now = this.#parts.dbNow();
    return { now, leased: this.#parts.tables.lease(this.#parts.gatewayId) > now };
  }
}

const loadsOf = (tables: Tables, ids: readonly string[]): CommandLoad[] =>
  ids.flatMap((id) => tables.command(id)?.load ?? []);

const welcomeOf = (epoch: number, continuity: Uint8Array): LinkResponse['frame'] => ({
  case: 'welcome',
  value: {
    $typeName: 'truffle.agent.v1.Welcome',
    epoch: BigInt(epoch),
    sessionId: `session ${epoch}`,
    heartbeatMs: pace.heartbeatMs,
    continuity: new Uint8Array(continuity),
    protocol: 1,
    endpoints: [],
  },
});

const heldOf: Record<InFlightState, Held> = {
  [InFlightState.UNSPECIFIED]: 'nothing',
  [InFlightState.ACCEPTED]: 'accepted',
  [InFlightState.RUNNING]: 'running',
  [InFlightState.ENDED]: 'ended',
};
