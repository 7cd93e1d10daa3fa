import type { Database } from '@truffle/database';
import type { Authorizer, Bell, Peers } from '@truffle/kit';
import type { AccountKey } from './account/account-key.ts';
import type { PasskeySite } from './factor/passkey.ts';
import type { TenantTables } from './tables.ts';

/** What the tenant service's use cases work with. */
export interface TenantParts {
  /** One organization's rows, as `svc_tenant`. */
  readonly tenants: Database<TenantTables>;
  /** What comes before an organization is known, as `svc_identity`. */
  readonly identity: Database<TenantTables>;
  readonly peers: Peers;
  readonly bell: Pick<Bell, 'ring'>;
  readonly now: () => Date;
  /** Finds where a resource is. */
  readonly places: Pick<Authorizer, 'locate'>;
  readonly accountKey: AccountKey;
  /** Whether mail reaches people: addresses are then verified. */
  readonly mailDelivers: boolean;
  /** What passkeys are bound to; undefined where the public URL does not say. */
  readonly site: PasskeySite | undefined;
  /** Region that new organizations are at home in. */
  readonly homeRegion: string;
  /** Organizations whose allowlists for people and keys are not enforced: their owners are shut out. */
  readonly suspendedAllowlists: ReadonlySet<string>;
}
