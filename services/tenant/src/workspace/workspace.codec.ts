import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { WorkspaceSchema, type Workspace } from '@truffle/api/tenant/v1/tenancy';
import type { WorkspaceRow } from './workspace.repo.ts';

export const workspaceMessage = (row: WorkspaceRow): Workspace =>
  create(WorkspaceSchema, {
    id: row.id,
    orgId: row.org_id,
    name: row.name,
    revision: BigInt(row.revision),
    createdAt: timestampFromDate(row.created_at),
  });
