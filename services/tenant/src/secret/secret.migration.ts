import { dataKeyGeneration, sealedColumn } from '@truffle/envelope';
import { sealedColumns } from './secret.columns.ts';

/**
 * Brings what was sealed with other keys under the data keys. Values of before keep their bytes in a column of their own until the service,
 * which has those keys, has sealed them anew.
 */
export const secretMigration = `
  ${dataKeyGeneration('tenant')}
  alter table tenant.factor rename column sealed_seed to old_sealed_seed;
  alter table tenant.factor add column sealed_seed bytea;
  create index factor_of_before on tenant.factor (id) where old_sealed_seed is not null;

  alter table tenant.audit_stream rename column secret_sealed to old_sealed_secret;
  alter table tenant.audit_stream
    add column sealed_secret bytea,
    -- Of a webhook, whose path may be a secret; the column in clear then has the origin alone.
    add column sealed_address bytea;

  -- The token of the link that a mail carries, while the mail waits.
  alter table tenant.mail add column sealed_token bytea;

  -- They live for ten minutes: who was on the way begins again.
  delete from tenant.sign_in_flow;
  alter table tenant.sign_in_flow add column sealed_secrets bytea not null;

  ${sealedColumn(sealedColumns.seed)}
  ${sealedColumn(sealedColumns.mailToken)}
  ${sealedColumn(sealedColumns.streamSecret)}
  grant select (sealed_address), update (sealed_address) on tenant.audit_stream to svc_key_rotation;`;
