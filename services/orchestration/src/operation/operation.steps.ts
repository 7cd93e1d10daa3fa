import type { PlannedDeployment } from '@truffle/template-language';
import { wordsOf, type ServerIntent } from '../server/server.intent.ts';
import type { StepAction, StepIntent } from './operation.table.ts';

/** A step as it is planned. */
export interface NewStep {
  readonly key: string;
  readonly stage: number;
  readonly position: number;
  readonly action: StepAction;
  readonly title: string;
  readonly serverId: string | null;
  readonly deployment: string | null;
  readonly intent?: StepIntent | null;
}

export interface StepServer {
  readonly id: string;
  readonly name: string;
}

/**
 * Steps that make a cluster: reserve, all servers at once, then each deployment batch by batch in rollout order.
 * @param apart by server's name, the nodes that it keeps away from
 */
export function creationSteps(
  servers: readonly StepServer[],
  rollout: readonly PlannedDeployment[],
  apart: ReadonlyMap<string, readonly string[]>,
): NewStep[] {
  const idOf = new Map(servers.map((s) => [s.name, s.id]));
  const steps: NewStep[] = [
    {
      key: 'reserve',
      stage: 0,
      position: 0,
      action: 'reserve',
      title: 'Reserve VM numbers',
      serverId: null,
      deployment: null,
    },
  ];
  servers.forEach((server, position) =>
    steps.push({
      key: `server/${server.name}/ensure`,
      stage: 1,
      position,
      action: 'ensure',
      title: 'Make and boot the VM',
      serverId: server.id,
      deployment: null,
      intent: { kind: 'ENSURE_SERVER', avoidNodes: apart.get(server.name) ?? [] },
    }),
  );
  let stage = 2;
  for (const { name, batches } of rollout)
    for (const batch of batches) {
      batch.forEach((server, position) =>
        steps.push({
          key: `deployment/${name}/${server}`,
          stage,
          position,
          action: 'deploy',
          title: `Deploy ${name}`,
          serverId: idOf.get(server) ?? null,
          deployment: name,
        }),
      );
      stage++;
    }
  steps.push({
    key: 'finish',
    stage,
    position: 0,
    action: 'finish',
    title: 'Gather the outputs',
    serverId: null,
    deployment: null,
  });
  return steps;
}

/** Steps that destroy a cluster: all its servers at once. */
export function deletionSteps(servers: readonly StepServer[]): NewStep[] {
  return [
    ...servers.map((server, position): NewStep => ({
      key: `server/${server.name}/delete`,
      stage: 0,
      position,
      action: 'delete',
      title: 'Destroy the VM',
      serverId: server.id,
      deployment: null,
    })),
    {
      key: 'finish',
      stage: 1,
      position: 0,
      action: 'finish',
      title: 'Release what it held',
      serverId: null,
      deployment: null,
    },
  ];
}

/** The one step of a change to a server. */
export const changeStep = (server: StepServer, intent: ServerIntent): NewStep => ({
  key: `server/${server.name}/${wordsOf[intent.kind].verb}`,
  stage: 0,
  position: 0,
  action: 'change',
  title: wordsOf[intent.kind].title,
  serverId: server.id,
  deployment: null,
  intent,
});
