import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { AuditFilterSchema, type AuditFilter } from '@truffle/api/tenant/v1/audit';
import { UsageError } from '../failure/cli-error.ts';

export interface FilterOptions {
  readonly actor?: string;
  readonly action?: string;
  readonly resource?: string;
  readonly in?: string;
  readonly result?: string;
  readonly address?: string;
  readonly from?: string;
  readonly until?: string;
}

/** The filter that options name. @throws UsageError */
export function filterOf(options: FilterOptions): AuditFilter {
  const time = (text: string | undefined, option: string) => {
    if (text === undefined) return undefined;
    const at = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
    if (Number.isNaN(at))
      throw new UsageError(`${option} ${text} is no time`, { next: ['write it like 2026-11-01T08:00:00Z'] });
    return timestampFromMs(at);
  };
  const from = time(options.from, '--from');
  const until = time(options.until, '--until');
  return create(AuditFilterSchema, {
    actor: options.actor ?? '',
    action: options.action ?? '',
    resourceId: options.resource ?? '',
    projectId: options.in ?? '',
    result: options.result ?? '',
    address: options.address ?? '',
    ...(from === undefined ? {} : { from }),
    ...(until === undefined ? {} : { until }),
  });
}
