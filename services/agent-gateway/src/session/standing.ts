// Long, as every transaction of a session stands beside the others that must lock and fence as it does.
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { timestampDate, timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { CommandKeySet } from '@truffle/api/agent/v1/command';
import { InFlightState, KeptOutcome, type Hello, type Kept } from '@truffle/api/agent/v1/link';
import { appendEvent, withCommit, type EventAuthor } from '@truffle/database';
import type { Logger } from '@truffle/telemetry';
import { adoptNext } from '../agent/certificate.repo.ts';
import { alarm, quarantineAgent } from '../agent/agent.quarantine.ts';
import { lockStanding, moveStanding, setStanding, type LockedStanding } from '../agent/agent.repo.ts';
import { advance, type Held, type Word } from '../command/advance.ts';
import {
  lockOpenCommands,
  readLoads,
  saveCommands,
  type CommandLoad,
  type LockedCommand,
} from '../command/command.repo.ts';
import { gatewayAuthor, noteOddities, type SessionRef } from '../command/flow.ts';
import type { GatewayDatabase, Tx } from '../tables.ts';
import { AddressDoor, type Doorkeeper } from '../address-rule/address-rule.door.ts';
import { admit, wasOffered, type HolderClaim } from './admission.ts';
import { healthNote, HealthUntoldError, keptDetail, type HealthNote } from './kept.ts';
import { pace, type ResponseFrame } from './session.ts';
import { closeSession, confirmSession, leaseNow, lockSession, offerSession, reopenSession } from './session.repo.ts';

/** Who dialled, from the certificate and nothing else. */
export interface PeerIdentity {
  readonly orgId: string;
  readonly agentId: string;
  readonly certificateSerial: string;
  /** When the certificate ends, and with it the session. */
  readonly certificateEnds: Date;
  /** Address that it dialled from; empty when the stream is gone already. */
  readonly address: string;
}

export type Opening =
  | {
      readonly kind: 'offered';
      readonly session: SessionRef;
      readonly sameIncarnation: boolean;
      readonly welcome: ResponseFrame;
    }
  /** `quarantine`: its identity is in conflict, if it is alive; nothing is stored of that yet. */
  | {
      readonly kind: 'refused';
      readonly reason: string;
      readonly message: string;
      readonly retryAfterMs: number;
      readonly quarantine: boolean;
    };

/** What every agent is told when its session opens, whom its word is passed on to, and where people are told. */
export interface Told extends Doorkeeper {
  readonly logger: Logger;
  readonly endpoints: () => readonly string[];
  readonly commandKeys: () => CommandKeySet | undefined;
  /** Tells orchestration how an agent found a server. */
  readonly noteHealth: (orgId: string, note: HealthNote) => Promise<void>;
}

const unknownAgent = {
  kind: 'refused',
  reason: 'AGENT_REVOKED',
  message: 'there is no such agent; enrol it anew',
  retryAfterMs: 0,
  quarantine: false,
} as const;
const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();
/** What a Hello says of its sender's journal. */
const holderOf = ({ incarnation, journalLsn, continuity }: Hello): HolderClaim => ({
  incarnation,
  journalLsn,
  continuity: continuity.length === 0 ? '' : sha256(continuity).toString('hex'),
});
const agentAuthor = (identity: { readonly agentId: string }, requestId: string): EventAuthor => ({
  subject: `agent:${identity.agentId}`,
  requestId,
});

/** The stored side of a session: each method is one transaction. */
export class SessionStore {
  readonly #database: GatewayDatabase;
  readonly #gatewayId: string;
  readonly #told: Told;
  readonly #door: AddressDoor;

  constructor(database: GatewayDatabase, gatewayId: string, told: Told) {
    this.#database = database;
    this.#gatewayId = gatewayId;
    this.#told = told;
    this.#door = new AddressDoor(database, told.letsIn);
  }

  /** Judges a Hello and stores the session that it becomes. */
  async open(identity: PeerIdentity, hello: Hello): Promise<Opening> {
    const shut = await this.#door.shutFor(identity);
    if (shut !== undefined) return { kind: 'refused', quarantine: false, ...shut };
    const presented = holderOf(hello).continuity;
    const token = randomBytes(32);
    const sessionId = randomUUID();
    const stored = await this.#database.tenant(identity.orgId, async (tx) => {
      const known = await lockSession(tx, identity.agentId);
      if (known === undefined) return unknownAgent;
      const admission = admit(known, {
        ...hello,
        certificateSerial: identity.certificateSerial,
        continuity: presented,
      });
      if (admission.kind === 'refuse') return { ...admission, kind: 'refused' } as const;
      const epoch = offerSession(tx, {
        agentId: identity.agentId,
        sessionId,
        gatewayId: this.#gatewayId,
        incarnation: hello.incarnation,
        journalLsn: hello.journalLsn,
        continuitySha256: sha256(token),
        fresh: !admission.sameIncarnation,
        adopted: wasOffered(known.continuityNext, presented) ? Buffer.from(presented, 'hex') : undefined,
      });
      withCommit(tx, epoch);
      return { kind: 'stored', epoch, admission } as const;
    });
    if (stored.kind === 'refused') return stored;
    const { protocol, sameIncarnation } = stored.admission;
    const epoch = await stored.epoch;
    return {
      kind: 'offered',
      session: { orgId: identity.orgId, agentId: identity.agentId, epoch, incarnation: hello.incarnation },
      sameIncarnation,
      welcome: this.#welcome({ epoch, sessionId, token, protocol }),
    };
  }

  #welcome(offered: { epoch: number; sessionId: string; token: Buffer<ArrayBuffer>; protocol: number }): ResponseFrame {
    const commandKeys = this.#told.commandKeys();
    return {
      case: 'welcome',
      value: {
        $typeName: 'truffle.agent.v1.Welcome',
        epoch: BigInt(offered.epoch),
        sessionId: offered.sessionId,
        serverTime: timestampFromMs(Date.now()),
        heartbeatMs: pace.heartbeatMs,
        continuity: offered.token,
        protocol: offered.protocol,
        endpoints: [...this.#told.endpoints()],
        ...(commandKeys === undefined ? {} : { commandKeys }),
      },
    };
  }

  /**
   * The agent has stored the session: the old token ends, the agent is ONLINE, and what database and journal say of its commands is brought
   * together. Undefined when a newer session has the epoch.
   */
  async confirm(
    session: SessionRef,
    certificateSerial: string,
    hello: Hello,
    sameIncarnation: boolean,
  ): Promise<Reunion | undefined> {
    return this.#database.tenant(session.orgId, async (tx) => {
      const journal = new Map(hello.inFlight.map((entry) => [entry.commandId, heldOf[entry.state]]));
      // In this order, as kysely sends them: the session is locked first.
      const [confirmed, standing, commands, { now, leased }] = await Promise.all([
        confirmSession(tx, session.agentId, session.epoch),
        lockStanding(tx, session.agentId),
        lockOpenCommands(tx, session.agentId, [...journal.keys()]),
        leaseNow(tx, this.#gatewayId),
      ]);
      if (!confirmed) return undefined;
      if (standing?.nextSerial === certificateSerial) withCommit(tx, adoptNext(tx, session.agentId, certificateSerial));
      if (!this.#online(tx, session, standing, hello)) return undefined;
      const busy = new Set<string>();
      const moved = commands.map((command) => {
        const fact = { kind: 'reconnected', held: journal.get(command.id) ?? 'nothing', sameIncarnation } as const;
        const at = {
          now,
          mayBegin: leased,
          incarnation: session.incarnation,
          resourceBusy: command.resourceBusy || busy.has(command.resourceKey),
        };
        const step = advance(command, fact, at);
        if (step.command.needsPermit && step.command.state === 'RUNNING') busy.add(command.resourceKey);
        return { before: command, after: { ...command, ...step.command }, words: step.words };
      });
      withCommit(
        tx,
        saveCommands(
          tx,
          moved.map((m) => m.after),
        ),
      );
      await noteOddities(tx, session.orgId, moved);
      const again = moved.filter((m) => m.words.some((w) => w.kind === 'send')).map((m) => m.after.id);
      const known = new Set(commands.map((c) => c.id));
      return { moved, loads: await readLoads(tx, again), unknown: [...journal.keys()].filter((id) => !known.has(id)) };
    });
  }

  /** Shows the agent as ONLINE, with the commit; false when it may not be. */
  #online(tx: Tx, session: SessionRef, standing: LockedStanding | undefined, hello?: Hello): boolean {
    const told = hello === undefined ? undefined : { version: hello.version, capabilities: hello.capabilities };
    const before = moveStanding(tx, session.agentId, { from: standing, to: 'ONLINE' }, told);
    if (before === undefined) return false;
    if (before.state !== 'ONLINE')
      withCommit(
        tx,
        appendEvent(tx, agentAuthor(session, session.agentId), {
          orgId: session.orgId,
          name: 'agent.online',
          resourceId: session.agentId,
          data: {
            before: { state: before.state, since: before.stateSince.toISOString() },
            after: { state: 'ONLINE', ...(hello === undefined ? {} : { version: hello.version }) },
          },
        }),
      );
    return true;
  }

  /** Opens a session again that a sweep closed while its gateway could not renew its lease, unless a newer one has the epoch. */
  resume(session: SessionRef): Promise<void> {
    return this.#database.tenant(session.orgId, async (tx) => {
      if (await reopenSession(tx, session.agentId, session.epoch))
        this.#online(tx, session, await lockStanding(tx, session.agentId));
    });
  }

  /**
   * Notes what an agent did by itself. Perhaps twice, as it tells until it hears that it was stored.
   * @throws HealthUntoldError when orchestration does not answer
   */
  async noteKept(session: SessionRef, kept: Kept): Promise<void> {
    const health = healthNote(session.agentId, kept);
    if (health !== undefined)
      await this.#told.noteHealth(session.orgId, health).catch((cause: unknown) => {
        throw new HealthUntoldError('orchestration was not told of the health of a server', { cause });
      });
    await this.#database.tenant(session.orgId, (tx) =>
      appendEvent(tx, agentAuthor(session, session.agentId), {
        orgId: session.orgId,
        name: 'agent.kept_server',
        resourceId: session.agentId,
        data: {
          n: Number(kept.n),
          resourceKey: kept.resourceKey.slice(0, 200),
          serverId: kept.serverId.slice(0, 64),
          outcome: KeptOutcome[kept.outcome] ?? 'UNSPECIFIED',
          detail: keptDetail(kept),
          ...(kept.time === undefined ? {} : { time: timestampDate(kept.time).toISOString() }),
        },
      }),
    );
  }

  /** The session is over: what was only sent is queued again, and the agent is OFFLINE unless a newer session has it. */
  close(session: SessionRef, why: string): Promise<void> {
    return this.#database.tenant(session.orgId, async (tx) => {
      if (!(await closeSession(tx, session.agentId, session.epoch))) return;
      const commands = await lockOpenCommands(tx, session.agentId);
      const moved = commands.map((c) => ({
        before: c,
        after: advance(c, { kind: 'sessionLost' }, { now: 0, mayBegin: false, incarnation: '', resourceBusy: false })
          .command,
      }));
      await saveCommands(
        tx,
        moved.filter((m) => m.before !== m.after).map((m) => m.after),
      );
      const before = await setStanding(tx, session.agentId, 'OFFLINE');
      if (before?.state !== 'ONLINE') return;
      await appendEvent(tx, gatewayAuthor(session.agentId), {
        orgId: session.orgId,
        name: 'agent.offline',
        resourceId: session.agentId,
        data: { before: { state: 'ONLINE', since: before.stateSince.toISOString() }, after: { state: 'OFFLINE' }, why },
      });
    });
  }

  /**
   * The agent did what no honest agent does, or its identity is in conflict (`hello` is the other holder's): it gets no more work. One that
   * was enrolled anew meanwhile has another certificate, and is another one.
   */
  async quarantine(
    identity: PeerIdentity,
    why: { readonly reason: string; readonly message: string },
    hello?: Hello,
  ): Promise<void> {
    const fresh = await this.#database.tenant(identity.orgId, async (tx) => {
      const known = await lockSession(tx, identity.agentId);
      if (known?.certificateSerials.includes(identity.certificateSerial) !== true) return false;
      return quarantineAgent(tx, identity, why, hello === undefined ? undefined : holderOf(hello));
    });
    if (fresh) alarm(this.#told.logger, identity, why);
  }
}

/** What is to be said after a session was confirmed. */
export interface Reunion {
  readonly moved: readonly {
    readonly before: LockedCommand;
    readonly after: LockedCommand;
    readonly words: readonly Word[];
  }[];
  /** Commands that the journal should have and has not. */
  readonly loads: readonly CommandLoad[];
  /** Ids in the journal that are not this agent's. */
  readonly unknown: readonly string[];
}

const heldOf: Record<InFlightState, Held> = {
  [InFlightState.UNSPECIFIED]: 'nothing',
  [InFlightState.ACCEPTED]: 'accepted',
  [InFlightState.RUNNING]: 'running',
  [InFlightState.ENDED]: 'ended',
};
