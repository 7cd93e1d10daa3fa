/** Names that workflow, worker and callers share. */
/** One queue for each database: a worker must find the rows of the workflows that it is given, also where installations share a namespace. */
export const taskQueueOf = (databaseUrl: string): string => `orchestration-${new URL(databaseUrl).pathname.slice(1)}`;
export const operationWorkflow = 'operationWorkflow';
export const imageWorkflow = 'imageWorkflow';
export const nudgeSignal = 'nudge';
export const nextSignal = 'next';
