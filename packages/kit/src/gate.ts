// Long, as all that a call passes on its way in stands in the order in which it happens.
import type { DescMessage, Message } from '@bufbuild/protobuf';
import {
  createContextKey,
  type Interceptor,
  type StreamRequest,
  type StreamResponse,
  type UnaryRequest,
  type UnaryResponse,
} from '@connectrpc/connect';
import { metrics } from '@opentelemetry/api';
import { QuotaService } from '@truffle/api/billing/v1/plan_service';
import { Access, Idempotency, type MethodRules } from '@truffle/api/options/v1/method';
import { newId } from '@truffle/ids';
import { inSpan, currentTraceparent, type Logger } from '@truffle/telemetry';
import { demandOwn } from './acting.ts';
import { leaveKey, type Admission } from './admission.ts';
import { isSensitiveRead, type AuditLog } from './audit.ts';
import type { Authorizer } from './authorize.ts';
import { boundsOf, inTime } from './bounds.ts';
import { callerKey, nobody, type Caller } from './caller.ts';
import { rulesOf } from './contract.ts';
import { repetitionOf, type IdempotencyStore } from './idempotency.ts';
import type { Identifier } from './identify.ts';
import type { EarlyRefusals } from './limit.early.ts';
import { isRateLimit, spentKey, type RateLimits, type Spent } from './limit.ts';
import type { PageTokens } from './page-token.ts';
import { onBehalfOf, type Peers } from './peers.ts';
import { statusOf } from './problem.status.ts';
import type { ServiceName } from './service-context.ts';
import { demandStepUp, isSteppedUp } from './step-up.ts';
import { validate } from './validate.ts';

export interface GateParts {
  readonly service: ServiceName;
  readonly identifier: Identifier;
  readonly authorizer: Authorizer;
  readonly limits: RateLimits;
  readonly admission: Admission;
  readonly early: EarlyRefusals;
  readonly peers: Peers;
  readonly pageTokens: PageTokens;
  readonly logger: Logger;
  /** Missing for a service without keyed methods. */
  readonly idempotency?: IdempotencyStore | undefined;
  /** Missing for a service that has no ledger to record in. */
  readonly audit?: AuditLog | undefined;
}

/** Address that a request came from; set by the server that took it. */
export const addressKey = createContextKey<string>('', { description: 'address' });

/** How far a call came, for what is recorded when it is refused. */
interface Attempt {
  caller: Caller;
  /** It is known what the call is about. */
  known: boolean;
  admitted: boolean;
  message: Message | undefined;
}

type Request = UnaryRequest | StreamRequest;
type Next = (request: Request) => Promise<UnaryResponse | StreamResponse>;

const durations = () =>
  metrics
    .getMeter('truffle')
    .createHistogram('rpc.server.duration', { unit: 'ms', description: 'Time from request to response' });

/**
 * What stands before every method, driven by its options: request id and trace, who is calling, rate limit, validation,
 * permission, quota, idempotency; and after it: errors mapped, duration measured. A method's own code starts behind it.
 */
export function gate(parts: GateParts): Interceptor {
  return (next) => async (request) => {
    const given = request.header.get('x-request-id');
    const requestId = given !== null && /^[\w-]{8,64}$/.test(given) ? given : newId('req');
    const name = `${request.method.parent.typeName}/${request.method.name}`;
    const began = performance.now();
    let code = 'ok';
    const attempt: Attempt = { caller: nobody, known: false, admitted: false, message: undefined };
    const above = {
      traceparent: request.header.get('traceparent') ?? undefined,
      kind: 'server',
      attributes: { 'truffle.request_id': requestId },
    } as const;
    try {
      return await inSpan(name, above, async () => {
        try {
          const passed = pass(parts, request, next, requestId, name, attempt).finally(() =>
            request.contextValues.get(leaveKey)?.(),
          );
          const response = await inTime(passed, boundsOf(rulesOf(request.method).rate).ms);
          parts.limits.tell(request.contextValues.get(spentKey), response.header);
          return response;
        } catch (error) {
          // Told inside the span: the line carries its trace.
          const { status, internal } = statusOf(error, requestId);
          code = String(status.code);
          status.metadata.set('x-request-id', requestId);
          parts.limits.tell(request.contextValues.get(spentKey), status.metadata);
          // What only turned out to be too much for one of several organizations says nothing of the next call.
          if (isRateLimit(error) && !attempt.known)
            parts.early.note(request.header.get('authorization'), rulesOf(request.method).rate, status, error.waitMs);
          if (internal) parts.logger.error({ err: error, method: name, requestId }, 'a call failed');
          const { method } = request;
          parts.audit?.failed({ ...attempt, method, rules: rulesOf(method) }, error, status);
          throw status;
        }
      });
    } finally {
      durations().record(performance.now() - began, { service: parts.service, method: name, code });
    }
  };
}

async function pass(
  parts: GateParts,
  request: Request,
  next: Next,
  requestId: string,
  name: string,
  attempt: Attempt,
): Promise<UnaryResponse | StreamResponse> {
  const rules = rulesOf(request.method);
  const address = request.contextValues.get(addressKey);
  const came = { requestId, address, userAgent: request.header.get('user-agent')?.slice(0, 256) };
  attempt.caller = { ...nobody, ...came, action: rules.audit };
  attempt.message = request.stream ? undefined : request.message;
  const identified = await parts.identifier.identify(rules.access, request.header, requestId, address);
  const caller = callOf(identified, rules, came.userAgent);
  attempt.caller = caller;
  demandOwn(caller, rules);
  const spent: Spent = [];
  request.contextValues.set(spentKey, spent);
  parts.limits.take(caller, rules.rate, spent);
  request.contextValues.set(leaveKey, await parts.admission.enter(caller, rules.rate));
  if (request.stream) return passStream(parts, request, next, caller, rules, name, attempt);
  const known = await admit(parts, request.method.input, request.message, caller, rules);
  attempt.caller = known;
  attempt.known = true;
  parts.limits.takeTenant(known, rules.rate, spent);
  const admitted = rules.stepUp ? await steppedUp(parts, known, request.header) : known;
  attempt.caller = admitted;
  attempt.admitted = true;
  request.contextValues.set(callerKey, admitted);
  const work = async () => {
    const response = await withQuota(parts, admitted, rules, () => parts.pageTokens.around(request, admitted, next));
    await record(parts, request, admitted, rules);
    return response;
  };
  if (rules.idempotency !== Idempotency.KEYED || parts.idempotency === undefined || admitted.orgId === '')
    return named(await work(), requestId);
  return named(await once(parts.idempotency, request, admitted, work), requestId);
}

/** The caller with what belongs to this call alone. A service acts within the call that it acts for. */
const callOf = (identified: Caller, rules: MethodRules, userAgent: string | undefined): Caller => ({
  ...identified,
  traceparent: currentTraceparent(),
  quotaHolder: newId('req'),
  userAgent: identified.userAgent ?? userAgent,
  action: identified.action ?? rules.audit,
  trace: { events: 0 },
});

/** Records what the call's own code does not: a sensitive read, and a write that left no event. Without the record there is no answer. */
async function record(parts: GateParts, request: UnaryRequest, caller: Caller, rules: MethodRules): Promise<void> {
  if (rules.audit === '' || parts.audit === undefined) return;
  if (isSensitiveRead(rules)) return parts.audit.read(caller, request.method, rules, request.message);
  if (caller.trace?.events === 0) return parts.audit.made(caller, request.method, rules, request.message);
}

/** Runs a keyed unary call through the store of answers. */
async function once(
  store: IdempotencyStore,
  request: UnaryRequest,
  caller: Caller,
  work: () => Promise<UnaryResponse | StreamResponse>,
): Promise<UnaryResponse> {
  let fresh: UnaryResponse | undefined;
  const key = request.header.get('idempotency-key');
  const repetition = repetitionOf(caller, request.method, key, request.message);
  request.contextValues.set(callerKey, { ...caller, repetition });
  const message = await store.once(caller, request.method, key, request.message, async () => {
    fresh = (await work()) as UnaryResponse;
    return fresh.message;
  });
  if (fresh !== undefined) return fresh;
  // The handler, which would have named it, was not asked: every unary protocol answers in the type that it was asked in.
  const header = new Headers({
    'content-type': request.header.get('content-type') ?? 'application/json',
    'idempotent-replayed': 'true',
  });
  return {
    stream: false,
    service: request.service,
    method: request.method,
    header,
    trailer: new Headers(),
    message,
  };
}

/** A server stream: its one request is checked before the handler sees it, and what it throws later is mapped too. */
async function passStream(
  parts: GateParts,
  request: StreamRequest,
  next: Next,
  caller: Caller,
  rules: MethodRules,
  name: string,
  attempt: Attempt,
): Promise<StreamResponse> {
  const messages: unknown[] = [];
  for await (const message of request.message) {
    messages.push(message);
    if (messages.length > 1) break;
  }
  const message = messages[0] as Message;
  attempt.message = message;
  const admitted = await admit(parts, request.method.input, message, caller, rules);
  attempt.caller = admitted;
  attempt.known = true;
  parts.limits.takeTenant(admitted, rules.rate, request.contextValues.get(spentKey) ?? []);
  attempt.admitted = true;
  if (isSensitiveRead(rules)) await parts.audit?.read(admitted, request.method, rules, message);
  request.contextValues.set(callerKey, admitted);
  const response = (await next({ ...request, message: iterate(messages) } as StreamRequest)) as StreamResponse;
  response.header.set('x-request-id', caller.requestId);
  return { ...response, message: mapped(parts, response.message as AsyncIterable<Message>, caller, name) };
}

async function* iterate<M>(messages: readonly M[]): AsyncIterable<M> {
  yield* messages;
}

async function* mapped<M>(
  parts: GateParts,
  messages: AsyncIterable<M>,
  { requestId, traceparent }: Caller,
  name: string,
): AsyncIterable<M> {
  try {
    yield* messages;
  } catch (error) {
    const { status, internal } = statusOf(error, requestId);
    // The span ended when the stream began.
    if (internal)
      parts.logger.error(
        { err: error, method: name, requestId, trace_id: traceparent.slice(3, 35) },
        'a stream failed',
      );
    throw status;
  }
}

async function admit(
  parts: GateParts,
  schema: DescMessage,
  message: Message,
  caller: Caller,
  rules: MethodRules,
): Promise<Caller> {
  validate(schema, message);
  if (rules.access !== Access.PERMISSION) return caller;
  const field = schema.fields.find((f) => f.name === rules.resource);
  const id =
    field === undefined ? '' : ((message as unknown as Record<string, string | undefined>)[field.localName] ?? '');
  const scope = await parts.authorizer.authorize(caller, rules.permission, id, rules);
  return { ...caller, ...scope };
}

/** @throws StepUpRequiredProblem */
async function steppedUp(parts: GateParts, caller: Caller, header: Headers): Promise<Caller> {
  if (isSteppedUp(caller, Date.now())) return caller;
  const again = await parts.identifier.again(caller, header);
  demandStepUp(again, Date.now());
  return again;
}

async function withQuota<R>(parts: GateParts, caller: Caller, rules: MethodRules, work: () => Promise<R>): Promise<R> {
  if (rules.quota === '') return work();
  const quotas = parts.peers.client('billing', QuotaService, onBehalfOf(caller));
  const held = { orgId: caller.orgId, quota: rules.quota, holder: caller.quotaHolder };
  await quotas.consumeQuota({ ...held, amount: 1n });
  try {
    return await work();
  } catch (error) {
    await quotas
      .releaseQuota(held)
      .catch((cause: unknown) => parts.logger.warn({ err: cause, quota: rules.quota }, 'a quota was not given back'));
    throw error;
  }
}

function named<R extends UnaryResponse | StreamResponse>(response: R, requestId: string): R {
  response.header.set('x-request-id', requestId);
  return response;
}
