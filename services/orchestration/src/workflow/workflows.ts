// What a worker carries; bundled as one.
export { imageWorkflow } from './image.workflow.ts';
export { operationWorkflow } from './operation.workflow.ts';
