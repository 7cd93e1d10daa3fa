import {
  condition,
  continueAsNew,
  defineSignal,
  proxyLocalActivities,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from './activities.ts';
import { nudgeSignal } from './names.ts';

export interface OperationInput {
  readonly orgId: string;
  readonly operationId: string;
}

const { advanceOperation } = proxyLocalActivities<Activities>({
  startToCloseTimeout: '60s',
  retry: { initialInterval: '200ms', maximumInterval: '10s', backoffCoefficient: 2 },
});

const nudge = defineSignal(nudgeSignal);

/** How long a lost nudge may go unnoticed. */
const pollAfter = '10s';

/**
 * Carries one operation to its end. Rows are the truth and `advanceOperation` moves them; this only promises that it is called until
 * the operation has ended: at each nudge (commands changed, somebody cancelled) and every 10 s in case one was lost.
 * The history holds ids, and its length depends on the nudges, not on the number of servers.
 */
export async function operationWorkflow(input: OperationInput): Promise<void> {
  let nudged = false;
  setHandler(nudge, () => {
    nudged = true;
  });
  for (;;) {
    nudged = false;
    if (await advanceOperation(input)) return;
    await condition(() => nudged, pollAfter);
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof operationWorkflow>(input);
  }
}
