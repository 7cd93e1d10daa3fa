/** Names that workflow, worker and callers share. */
export const taskQueue = 'orchestration';
export const operationWorkflow = 'operationWorkflow';
export const nudgeSignal = 'nudge';
