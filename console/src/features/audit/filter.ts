import type { MessageInitShape } from '@bufbuild/protobuf';
import type { AuditFilterSchema } from '@truffle/api/tenant/v1/audit';
import { momentOf } from '../../ui/moment.ts';

export type Filter = MessageInitShape<typeof AuditFilterSchema>;

/** The conditions that an address can hold. */
export interface Search {
  readonly actor?: string;
  readonly action?: string;
  readonly resource?: string;
  readonly project?: string;
  readonly result?: string;
  readonly address?: string;
  readonly from?: string;
  readonly until?: string;
}

/** What the server is asked for. */
export function filterOf(search: Search): Filter {
  const {
    actor = '',
    action = '',
    resource = '',
    project = '',
    result = '',
    address = '',
    from = '',
    until = '',
  } = search;
  const [begin, end] = [momentOf(from), momentOf(until)];
  return {
    actor,
    action,
    resourceId: resource,
    projectId: project,
    result,
    address,
    ...(begin === undefined ? {} : { from: begin }),
    ...(end === undefined ? {} : { until: end }),
  };
}
