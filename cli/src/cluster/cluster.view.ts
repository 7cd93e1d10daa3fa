import { ClusterSchema, ClusterState } from '@truffle/api/orchestration/v1/cluster';
import type { View } from '../output/output.ts';
import { age, stateName, when } from '../output/text.ts';

export const clusterView: View<typeof ClusterSchema> = {
  schema: ClusterSchema,
  name: (each) => each.name,
  columns: {
    NAME: (each) => each.name,
    STATE: (each) => stateName(ClusterState, each.state),
    SERVERS: (each) => `${each.readyCount}/${each.serverCount}`,
    TEMPLATE: (each) => each.templateRef,
    AGE: (each, now) => age(each.createdAt, now),
    ID: (each) => each.id,
  },
  card: (each) => [
    ['name', each.name],
    ['id', each.id],
    ['state', stateName(ClusterState, each.state)],
    ['template', each.templateRef],
    ['servers', `${each.readyCount} of ${each.serverCount} ready`],
    ['agent', each.agentId],
    ['project', each.projectId],
    ['created', when(each.createdAt)],
    ['changed', when(each.updatedAt)],
    ...(each.operationId === '' ? [] : [['operation', each.operationId] as const]),
    ...Object.entries(each.parameters ?? {}).map(([name, value]) => [`  ${name}`, JSON.stringify(value)] as const),
    ...Object.entries(each.outputs).map(([name, value]) => [`output ${name}`, value] as const),
    ...(each.failure === undefined
      ? []
      : [
          [
            'failure',
            [each.failure.message, each.failure.cause, each.failure.remedy].filter(Boolean).join('\n'),
          ] as const,
        ]),
  ],
};
