import type { DescService } from '@bufbuild/protobuf';
import type { ConnectRouter } from '@connectrpc/connect';
import type { Database } from '@truffle/database';
import type { ScopeLookups } from './authorize.ts';
import type { IdempotencyStore } from './idempotency.ts';
import type { ServiceName } from './service-context.ts';

/** One of the five services: mounted beside the others in one process, or alone in its own. */
export interface ServiceModule {
  readonly name: ServiceName;
  /** Everything it serves, public and internal. */
  readonly services: readonly DescService[];
  /** How its own resources are found, for the permission check. */
  readonly scopes: ScopeLookups;
  readonly idempotency?: IdempotencyStore;
  /** Where the kit records refusals and sensitive reads, as a role that appends events. */
  readonly ledger: Pick<Database<object>, 'tenant'>;
  register(router: ConnectRouter): void;
  /** Starts what runs beside the calls: workers, relays, listeners of its own. */
  start(): Promise<void>;
  /** Resolves when it can do its work; rejects with the reason otherwise. */
  ready(): Promise<void>;
  /** Stops taking work, lets running work end (10 s at most), closes connections. */
  close(): Promise<void>;
}
