import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { UsageFactSchema, type UsageFact } from '@truffle/api/billing/v1/plan';
import type { UsageFactRow } from './usage.repo.ts';

export const usageMessage = (row: UsageFactRow): UsageFact =>
  create(UsageFactSchema, {
    id: row.id,
    meter: row.meter,
    quantity: row.quantity,
    windowStart: timestampFromDate(row.window_start),
    windowEnd: timestampFromDate(row.window_end),
    sourceEventId: row.source_event_id,
  });
