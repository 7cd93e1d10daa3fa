import {
  condition,
  continueAsNew,
  defineSignal,
  proxyLocalActivities,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from './activities.ts';
import { nextSignal, nudgeSignal } from './names.ts';

export interface OperationInput {
  readonly orgId: string;
  readonly operationId: string;
}

const { advanceOperation } = proxyLocalActivities<Activities>({
  startToCloseTimeout: '60s',
  retry: { initialInterval: '200ms', maximumInterval: '10s', backoffCoefficient: 2 },
});

const nudge = defineSignal(nudgeSignal);
const next = defineSignal<[OperationInput]>(nextSignal);

/** How long a lost nudge may go unnoticed. */
const pollAfter = '10s';

/**
 * Carries a cluster's operations to their ends. Rows are the truth and `advanceOperation` moves them; this only promises that it is called
 * until the operation has ended: at each nudge (commands changed, somebody cancelled) and every 10 s in case one was lost.
 * The operation after it, which may be there before this one has closed, comes by a signal: none is lost between the two.
 * The history holds ids, and its length depends on the nudges, not on the number of servers.
 */
export async function operationWorkflow(input: OperationInput): Promise<void> {
  let current = input;
  let following: OperationInput | undefined;
  let nudged = false;
  setHandler(nudge, () => {
    nudged = true;
  });
  setHandler(next, (given) => {
    if (given.operationId !== current.operationId) following = given;
    nudged = true;
  });
  for (;;) {
    nudged = false;
    if (await advanceOperation(current)) {
      if (following === undefined) return;
      current = following;
      following = undefined;
      continue;
    }
    await condition(() => nudged, pollAfter);
    if (workflowInfo().continueAsNewSuggested && following === undefined)
      await continueAsNew<typeof operationWorkflow>(current);
  }
}
