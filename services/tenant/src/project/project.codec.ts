import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { ProjectSchema, type Project } from '@truffle/api/tenant/v1/tenancy';
import type { ProjectRow } from './project.repo.ts';

export const projectMessage = (row: ProjectRow): Project =>
  create(ProjectSchema, {
    id: row.id,
    orgId: row.org_id,
    workspaceId: row.workspace_id,
    name: row.name,
    revision: BigInt(row.revision),
    createdAt: timestampFromDate(row.created_at),
  });
