import { createContextKey, type HandlerContext } from '@connectrpc/connect';
import type { EventAuthor } from '@truffle/database';
import type { Grant, Scope } from './grant.ts';

/** Who makes a call, as the kit found out. */
export interface Caller {
  /** `user:usr_…`, `key:key_…`, `service_account:sva_…`, `trust:tru_…`, `svc:<service>` or `anonymous`. */
  readonly subject: string;
  /** In whose name a service acts. */
  readonly onBehalfOf?: string | undefined;
  readonly displayName?: string | undefined;
  /** Who acts as the subject, `user:usr_…`: `bindings` are then what both may. */
  readonly acting?: string | undefined;
  readonly bindings: readonly Grant[];
  /** The organization that the call is about; empty where the method has none. Every query is made under it. */
  readonly orgId: string;
  readonly workspaceId?: string | undefined;
  readonly projectId?: string | undefined;
  /** The resource that the call is about below a project or an organization, and those that it is part of. */
  readonly resourceIds?: readonly string[] | undefined;
  readonly requestId: string;
  /** Under which this call holds the quota that its method names: made by the gate, unlike the request's id never the client's. */
  readonly quotaHolder: string;
  /** The same for each repetition of a call under its idempotency key, and for no other call; missing without a key. */
  readonly repetition?: string | undefined;
  readonly traceparent: string;
  readonly sessionId?: string | undefined;
  /** Address that the call came from, for credentials' rate limits and the audit trail. */
  readonly address: string;
  /** What the caller may do in organizations that are not used from this address; not in `bindings`. */
  readonly barred?: readonly Grant[] | undefined;
  /** Program that the call came from, by its own word. */
  readonly userAgent?: string | undefined;
  /** Audit verb of the method that was called from outside; empty for none. */
  readonly action?: string | undefined;
  /** Counts the events that the call leaves; made by the gate. */
  readonly trace?: { events: number } | undefined;
  /** When the person last proved who they are, in milliseconds; missing for what is no session. */
  readonly authenticatedAt?: number | undefined;
  /** What the caller may do only once they have a second factor, came by their organization's provider, or proved anew who they are; not in `bindings`. */
  readonly withheld?: readonly Grant[] | undefined;
  /** Organizations of `withheld` that demand their provider. */
  readonly providerDemanded?: ReadonlySet<string> | undefined;
  /** Organizations of `withheld` that demand a new proof of who the caller is. */
  readonly proofDemanded?: ReadonlySet<string> | undefined;
}

/** Where the call's resource is, as the gate found it. */
export const scopeOf = ({ orgId, workspaceId, projectId, resourceIds }: Caller): Scope => ({
  orgId,
  workspaceId,
  projectId,
  resourceIds,
});

export const nobody: Caller = {
  subject: 'anonymous',
  bindings: [],
  orgId: '',
  requestId: '',
  quotaHolder: '',
  traceparent: '',
  address: '',
};

export const callerKey = createContextKey<Caller>(nobody, { description: 'caller' });

/** Who makes this call. */
export const callerOf = (context: HandlerContext): Caller => context.values.get(callerKey);

/** The caller as an event's author: who acts as somebody does it in their name. */
export const authorOf = (caller: Caller): EventAuthor => ({
  subject: caller.acting ?? caller.subject,
  onBehalfOf: caller.acting === undefined ? caller.onBehalfOf : principalOf(caller),
  displayName: caller.displayName,
  address: caller.address,
  userAgent: caller.userAgent,
  action: caller.action === '' ? undefined : caller.action,
  trace: caller.trace,
  requestId: caller.requestId,
  traceparent: caller.traceparent,
});

/** The person or key behind the call, through services; who acts as somebody is that somebody. */
export const principalOf = (caller: Caller): string => caller.onBehalfOf ?? caller.subject;

/** Who really made the call, also who acts as somebody else. */
export const actorOf = (caller: Caller): string => caller.acting ?? principalOf(caller);
