import type { Database } from '@truffle/database';
import type { Authorizer, Bell, Peers } from '@truffle/kit';
import type { PasskeySite } from './factor/passkey.ts';
import type { TxtResolver } from './connection/domain.usecases.ts';
import type { OpenId } from './connection/openid.ts';
import type { Issuers } from './issuer/issuers.ts';
import type { SecretParts } from './secret/secret.parts.ts';
import type { TenantTables } from './tables.ts';

/** What the tenant service's use cases work with. */
export interface TenantParts extends SecretParts {
  /** One organization's rows, as `svc_tenant`. */
  readonly tenants: Database<TenantTables>;
  /** What comes before an organization is known, as `svc_identity`. */
  readonly identity: Database<TenantTables>;
  readonly peers: Peers;
  readonly bell: Pick<Bell, 'ring'>;
  readonly now: () => Date;
  /** Finds where a resource is. */
  readonly places: Pick<Authorizer, 'locate'>;
  /** Whether mail reaches people: addresses are then verified. */
  readonly mailDelivers: boolean;
  /** What passkeys are bound to; undefined where the public URL does not say. */
  readonly site: PasskeySite | undefined;
  /** OpenID issuers outside. */
  readonly issuers: Issuers;
  readonly openid: OpenId;
  readonly txt: TxtResolver;
  /** Where people reach the product; empty when not known. */
  readonly origin: string;
  /** Region that new organizations are at home in. */
  readonly homeRegion: string;
  /** Organizations whose allowlists for people and keys are not enforced: their owners are shut out. */
  readonly suspendedAllowlists: ReadonlySet<string>;
}
