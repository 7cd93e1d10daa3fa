import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { AllowlistSchema, type Allowlist } from '@truffle/api/tenant/v1/allowlist';
import type { AllowlistRow } from './allowlist.repo.ts';

/** An organization's lists; empty ones before the first change. */
export const allowlistMessage = (orgId: string, row: AllowlistRow | undefined): Allowlist =>
  create(AllowlistSchema, {
    orgId,
    ...(row === undefined
      ? {}
      : {
          sessions: row.sessions,
          apiKeys: row.api_keys,
          agents: row.agents,
          revision: BigInt(row.revision),
          changedAt: timestampFromDate(row.changed_at),
        }),
  });
