import type { DescMethod, Message } from '@bufbuild/protobuf';
import { Code, type ConnectError } from '@connectrpc/connect';
import { metrics } from '@opentelemetry/api';
import { ErrorInfoSchema } from '@truffle/api/google/rpc/error_details';
import { Audience, Idempotency, type MethodRules } from '@truffle/api/options/v1/method';
import { appendEvent, type Database, type NewEvent } from '@truffle/database';
import type { Logger } from '@truffle/telemetry';
import { RefusalCounter, type Refusal } from './audit.counter.ts';
import { authorOf, type Caller } from './caller.ts';
import { Problem } from './problem.ts';

export interface AuditLogParts {
  /** As a role of the service's that appends events. */
  readonly database: Pick<Database<object>, 'tenant'>;
  readonly logger: Logger;
  /** 0 to 1, for the jitter of retries. */
  readonly random: () => number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Milliseconds between two writes of refusals, and that refusals of one kind are counted together. */
  readonly flushMs?: number;
  readonly windowMs?: number;
}

const mostWaiting = 5_000;
const perTransaction = 100;
const closeWithinMs = 5_000;

const unwritten = () =>
  metrics.getMeter('truffle').createCounter('audit.refusals.unwritten', {
    description: 'Refusals that are in no organization’s audit trail: none is known, or it could not be written',
  });

/**
 * What the kit itself records of calls: sensitive reads, before their answer leaves; writes whose own code left no event; and refusals, off the
 * hot path: the first of a kind at once, its repeats as one count for each minute.
 */
export class AuditLog {
  readonly #parts: AuditLogParts;
  readonly #counter: RefusalCounter;
  readonly #timer: NodeJS.Timeout;
  #waiting: Refusal[] = [];
  #failures = 0;
  #notBefore = 0;
  #flushing: Promise<void> | undefined;

  constructor(parts: AuditLogParts) {
    this.#parts = parts;
    this.#counter = new RefusalCounter(parts.windowMs ?? 60_000);
    this.#timer = setInterval(() => void this.flush(), parts.flushMs ?? 1_000);
    this.#timer.unref();
  }

  /** Records a sensitive read. Rejects when it cannot be recorded: then it must not be answered. */
  async read(caller: Caller, method: DescMethod, rules: MethodRules, message: Message): Promise<void> {
    await this.#append(caller, method, rules, message, 'call.read');
  }

  /** Records a write that left no event of its own: it found nothing to change, or another service did it. */
  async made(caller: Caller, method: DescMethod, rules: MethodRules, message: Message): Promise<void> {
    await this.#append(caller, method, rules, message, 'call.made');
  }

  /** Takes note of a call's failure when it is a refusal. `admitted` says that the caller had the permission. */
  failed(call: FailedCall, error: unknown, status: ConnectError): void {
    const { rules, method, caller } = call;
    const reason = refusalReason(status, call.admitted);
    if (reason === undefined || rules.audience === Audience.INTERNAL) return;
    const record = error instanceof Problem ? error.record : undefined;
    const resourceId = resourceOf(rules, method, call.message);
    this.#counter.count(
      {
        orgId: record?.orgId ?? organizationOf(caller, resourceId),
        author: authorOf(caller),
        resourceId: record?.resourceId ?? resourceId,
        method: nameOf(method),
        permission: rules.permission,
        reason,
      },
      this.#parts.now(),
    );
  }

  /** Writes what has come together. A failure is kept for the next time; what is too much is counted and said. */
  async flush(all = false): Promise<void> {
    this.#take(this.#counter.due(this.#parts.now(), all));
    if (this.#waiting.length === 0 || (!all && this.#parts.now() < this.#notBefore)) return this.#flushing;
    this.#flushing ??= this.#write().finally(() => (this.#flushing = undefined));
    return this.#flushing;
  }

  /** Writes what is left. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    const late = this.#parts.now() + closeWithinMs;
    do await this.flush(true);
    while (this.#waiting.length > 0 && this.#failures === 0 && this.#parts.now() < late);
    if (this.#waiting.length > 0) this.#lose(this.#waiting.splice(0), 'the process ends');
  }

  #take(refusals: readonly Refusal[]): void {
    const [known, unknown] = [refusals.filter((r) => r.orgId !== ''), refusals.filter((r) => r.orgId === '')];
    this.#lose(unknown, 'no organization is known');
    this.#waiting.push(...known);
    if (this.#waiting.length > mostWaiting)
      this.#lose(this.#waiting.splice(0, this.#waiting.length - mostWaiting), 'too many wait');
  }

  #lose(refusals: readonly Refusal[], why: string): void {
    for (const { author, method, reason, count } of refusals) {
      unwritten().add(count, { method, reason });
      this.#parts.logger.warn({ method, reason, count, address: author.address, why }, 'calls were refused');
    }
  }

  async #write(): Promise<void> {
    const batch = this.#waiting.splice(0, perTransaction);
    const byOrg = Map.groupBy(batch, (refusal) => refusal.orgId);
    for (const [orgId, refusals] of byOrg)
      try {
        await this.#parts.database.tenant(orgId, async (tx) => {
          for (const refusal of refusals) await appendEvent(tx, refusal.author, eventOf(refusal));
        });
        this.#failures = 0;
      } catch (error) {
        this.#waiting.unshift(...refusals);
        const pauseMs = Math.min(30_000, 500 * 2 ** this.#failures++) * this.#parts.random();
        this.#notBefore = this.#parts.now() + pauseMs;
        this.#parts.logger.warn({ err: error, waiting: this.#waiting.length }, 'refusals could not be recorded yet');
      }
  }

  async #append(caller: Caller, method: DescMethod, rules: MethodRules, message: Message, name: string): Promise<void> {
    if (caller.orgId === '') return;
    await this.#parts.database.tenant(caller.orgId, (tx) =>
      appendEvent(tx, authorOf(caller), {
        orgId: caller.orgId,
        name,
        resourceId: resourceOf(rules, method, message) || caller.orgId,
        projectId: caller.projectId,
        data: { method: nameOf(method) },
      }),
    );
  }
}

/** A call that did not end well, as far as it came. */
export interface FailedCall {
  readonly caller: Caller;
  readonly admitted: boolean;
  readonly method: DescMethod;
  readonly rules: MethodRules;
  readonly message: Message | undefined;
}

/** Whether a call to a method with these rules reads what is sensitive. */
export const isSensitiveRead = (rules: MethodRules): boolean =>
  rules.audit !== '' && rules.idempotency === Idempotency.SAFE;

/** Why a call was refused; undefined when it failed for another reason. */
function refusalReason(status: ConnectError, admitted: boolean): string | undefined {
  const reason = status.findDetails(ErrorInfoSchema)[0]?.reason;
  switch (status.code) {
    case Code.PermissionDenied:
      return reason ?? 'PERMISSION_DENIED';
    case Code.Unauthenticated:
      return reason ?? 'UNAUTHENTICATED';
    case Code.ResourceExhausted:
      return reason ?? 'RATE_LIMITED';
    case Code.NotFound:
      // Behind the gate it is a thing that is gone; before it, one that the caller may not know of.
      return admitted ? undefined : (reason ?? 'NOT_FOUND');
    case Code.FailedPrecondition:
      return reason === 'POLICY_VIOLATION' ? reason : undefined;
    default:
      return undefined;
  }
}

/** The organization whose trail tells of a refusal: the one asked about when the caller is in it, else the caller's first. */
function organizationOf(caller: Caller, resourceId: string): string {
  if (caller.orgId !== '') return caller.orgId;
  const own = caller.bindings.map((binding) => binding.orgId);
  return own.includes(resourceId) ? resourceId : (own[0] ?? '');
}

function resourceOf(rules: MethodRules, method: DescMethod, message: Message | undefined): string {
  const field = method.input.fields.find((f) => f.name === rules.resource);
  const id = field === undefined ? undefined : (message as Record<string, unknown> | undefined)?.[field.localName];
  // What is no id may be anything, a secret in the wrong place too.
  return typeof id === 'string' && /^[a-z]{2,4}_[0-9a-z]{26}$/.test(id) ? id : '';
}

const nameOf = (method: DescMethod): string => `${method.parent.typeName}/${method.name}`;

const eventOf = (refusal: Refusal): NewEvent => ({
  orgId: refusal.orgId,
  name: 'call.refused',
  resourceId: refusal.resourceId || refusal.orgId,
  result: refusal.reason,
  data: {
    method: refusal.method,
    ...(refusal.permission === '' ? {} : { permission: refusal.permission }),
    count: refusal.count,
    since: new Date(refusal.since).toISOString(),
    until: new Date(refusal.until).toISOString(),
  },
});
