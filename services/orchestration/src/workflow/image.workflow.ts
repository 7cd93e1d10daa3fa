import { condition, defineSignal, proxyLocalActivities, setHandler } from '@temporalio/workflow';
import type { ImportRef } from '../image/image.advance.ts';
import type { Activities } from './activities.ts';
import { nudgeSignal } from './names.ts';

const { advanceImport } = proxyLocalActivities<Activities>({
  startToCloseTimeout: '60s',
  retry: { initialInterval: '200ms', maximumInterval: '10s', backoffCoefficient: 2 },
});

const nudge = defineSignal(nudgeSignal);

/** How long a lost nudge may go unnoticed. */
const pollAfter = '60s';

/**
 * Carries one try to import an image to its end: sends its command and takes in what it came to, at each nudge and every minute in case one
 * was lost. A command ends within 26 hours, so that the history stays short.
 */
export async function imageWorkflow(ref: ImportRef): Promise<void> {
  let nudged = false;
  setHandler(nudge, () => {
    nudged = true;
  });
  for (;;) {
    nudged = false;
    if (await advanceImport(ref)) return;
    await condition(() => nudged, pollAfter);
  }
}
