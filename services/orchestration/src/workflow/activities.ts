import { advanceImport, type ImportRef } from '../image/image.advance.ts';
import { advance } from '../operation/operation.advance.ts';
import type { WorkDeps } from '../operation/operation.work.ts';
import type { OperationInput } from './operation.workflow.ts';

export type Activities = ReturnType<typeof createActivities>;

export const createActivities = (deps: WorkDeps) => ({
  /** @returns whether the operation has ended */
  advanceOperation: (input: OperationInput): Promise<boolean> => advance(deps, input),
  /** @returns whether the import has ended */
  advanceImport: (ref: ImportRef): Promise<boolean> => advanceImport(deps, ref),
});
