import { create } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import { EventService, WatchEventsRequestSchema } from '@truffle/api/tenant/v1/event_service';
import type { Event } from '@truffle/api/tenant/v1/event';
import { useQueryClient, type QueryClient } from '@tanstack/react-query';
import { createContext, useContext, useEffect, useState, type ReactNode } from 'react';
import { askedOf, isOfAnother, Refresher } from './refresher.ts';
import { transport } from './transport.ts';

/** Whether what is shown is what is. `since`: when the connection was lost, milliseconds since the epoch. */
export type Liveness = { readonly state: 'live' } | { readonly state: 'stale'; readonly since: number };

/** The server says something every 15 s: after this long without a word the connection is as good as gone. */
const silentMs = 25_000;
const slowestRetryMs = 15_000;
/** One object, so that nothing is drawn again for each event that says the same. */
const live: Liveness = { state: 'live' };

const LivenessContext = createContext<Liveness>(live);
export const useLiveness = (): Liveness => useContext(LivenessContext);

/** Watches an organization's events while its pages are open, and has what they touched asked again. Goes on where it was after a break. */
export function Live({ orgId, children }: { readonly orgId: string; readonly children: ReactNode }) {
  const client = useQueryClient();
  const [liveness, setLiveness] = useState<Liveness>(live);
  useEffect(() => {
    const stop = new AbortController();
    void watch(orgId, client, setLiveness, stop.signal);
    return () => stop.abort();
  }, [orgId, client]);
  return <LivenessContext value={liveness}>{children}</LivenessContext>;
}

async function watch(
  orgId: string,
  client: QueryClient,
  tell: (now: Liveness) => void,
  signal: AbortSignal,
): Promise<void> {
  const events = createClient(EventService, transport);
  const refresher = new Refresher(client);
  let after: bigint | undefined;
  for (let tries = 0; !signal.aborted; tries++) {
    const silence = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const heard = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), silentMs);
    };
    try {
      heard();
      const request = create(WatchEventsRequestSchema, { orgId, ...(after === undefined ? {} : { after }) });
      const stream = events.watchEvents(request, { signal: AbortSignal.any([signal, silence.signal]), timeoutMs: 0 });
      for await (const { event } of stream) {
        heard();
        if (tries > 0) {
          // What happened in between is in no event that was seen when there was no number to go on from.
          if (after === undefined) void client.invalidateQueries();
          tries = 0;
        }
        tell(live);
        if (event === undefined) continue;
        after = event.n;
        refresh(refresher, event);
      }
    } catch {
      // Told below: whatever broke it, the answer is to try again.
    }
    clearTimeout(timer);
    if (signal.aborted) return;
    tell({ state: 'stale', since: Date.now() });
    await pause(Math.random() * Math.min(slowestRetryMs, 500 * 2 ** tries), signal);
  }
}

/**
 * An event `dev.truffle.<noun>.<verb>.v1` makes the answers of that noun's service old, and those of the nouns that show it; but none that is
 * of one other thing of its kind.
 */
function refresh(refresher: Refresher, event: Event): void {
  const noun = event.type.split('.')[2] ?? '';
  const services = [...(shownBy[noun] ?? []), 'EventService', 'AuditService'];
  refresher.touch((key) => {
    const { serviceName = '' } = askedOf(key);
    return services.some((service) => serviceName.endsWith(`.${service}`)) && !isOfAnother(key, event.resourceId);
  });
}

/** Whose answers show a noun's state. */
const shownBy: Readonly<Record<string, readonly string[]>> = {
  cluster: ['ClusterService', 'ServerService'],
  server: ['ClusterService', 'ServerService', 'SnapshotService'],
  snapshot: ['SnapshotService', 'ServerService'],
  operation: ['OperationService', 'ClusterService', 'ServerService'],
  command: ['AgentService', 'OperationService'],
  agent: ['AgentService', 'SealingKeyService'],
  image: ['ImageService', 'AgentService'],
  template: ['TemplateService'],
  template_version: ['TemplateService'],
  organization: ['OrganizationService'],
  workspace: ['WorkspaceService', 'ProjectService'],
  project: ['ProjectService'],
  member: ['MemberService', 'AccessService'],
  invitation: ['InvitationService', 'MemberService'],
  role: ['RoleService', 'AccessService'],
  group: ['GroupService', 'AccessService'],
  service_account: ['ServiceAccountService', 'AccessService'],
  api_key: ['ApiKeyService'],
  trust: ['TrustService'],
  workload_token: ['TrustService'],
  connection: ['ConnectionService'],
  domain: ['ConnectionService'],
  allowlist: ['AllowlistService'],
  audit_stream: ['AuditStreamService'],
  account: ['AccountService'],
};

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    // A machine that wakes up, or a network that is back, is worth a try at once.
    globalThis.addEventListener('online', () => resolve(), { once: true, signal });
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });
}
