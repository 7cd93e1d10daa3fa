import type { SealedColumn, SealedPlace } from '@truffle/envelope';

/**
 * Every column that holds sealed values for longer than minutes. What begins to be sealed has its line here: the rotation seals these anew. The
 * secrets of a sign-in under way are sealed too, and gone before a rotation is through.
 */
export const sealedColumns = {
  clientSecret: { table: 'tenant.connection', column: 'sealed_secret', id: 'id', owner: 'org_id' },
  streamSecret: { table: 'tenant.audit_stream', column: 'sealed_secret', id: 'id', owner: 'org_id' },
  streamAddress: { table: 'tenant.audit_stream', column: 'sealed_address', id: 'id', owner: 'org_id' },
  seed: { table: 'tenant.factor', column: 'sealed_seed', id: 'id', owner: '' },
  mailToken: { table: 'tenant.mail', column: 'sealed_token', id: 'id', owner: '' },
} as const satisfies Record<string, SealedColumn>;

/** The place of one row's value. */
export const placeIn = ({ table, column }: SealedColumn, id: string): SealedPlace => ({ table, column, id });
