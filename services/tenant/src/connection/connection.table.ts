import type { ColumnType, Generated } from 'kysely';
import type { Mapping } from './mapping.ts';

export interface ConnectionTable {
  org_id: string;
  id: string;
  name: string;
  issuer: string;
  client_id: string;
  /** Under the organization's data key; null for a public client. */
  sealed_secret: Buffer | null;
  scopes: string[];
  mappings: ColumnType<readonly Mapping[], string, string>;
  enabled: boolean;
  /** Whether the provider's access tokens call the API. */
  bearer: boolean;
  revision: Generated<string>;
  created_at: Date;
}

export interface DomainTable {
  org_id: string;
  domain: string;
  connection_id: string;
  /** What the DNS record must hold. */
  token: string;
  verified_at: Date | null;
  required: boolean;
  created_at: Date;
}
