import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { ClusterSchema, ClusterState as State, type Cluster } from '@truffle/api/orchestration/v1/cluster';
import { failureMessage } from '../failure.ts';
import type { ClusterView } from './cluster.repo.ts';

export const clusterMessage = (row: ClusterView): Cluster =>
  create(ClusterSchema, {
    id: row.id,
    orgId: row.org_id,
    projectId: row.project_id,
    agentId: row.agent_id,
    name: row.name,
    templateVersionId: row.template_version_id,
    templateRef: row.template_ref,
    parameters: { ...row.parameters } as Record<string, never>,
    state: State[row.state],
    outputs: row.outputs,
    serverCount: row.server_count,
    readyCount: row.ready_count,
    operationId: row.operation_id ?? '',
    ...(row.failure === null ? {} : { failure: failureMessage(row.failure) }),
    revision: BigInt(row.revision),
    createdAt: timestampFromDate(row.created_at),
    updatedAt: timestampFromDate(row.updated_at),
  });
