import { identify, isRunning, type ProcessIdentity } from './process-identity.ts';
import type { StackInfo } from './stack.ts';
import { readJson, removeFile, writeJson, type StateFolder } from './state-folder.ts';

/** Who runs the stack of a state folder, and what it offers once it is ready. */
export interface SupervisorRecord extends ProcessIdentity {
  readonly info?: StackInfo;
}

/** The supervisor that runs on the folder now; undefined when none does. */
export function currentSupervisor(folder: StateFolder): SupervisorRecord | undefined {
  const record = readJson(folder.supervisor) as SupervisorRecord | undefined;
  return record !== undefined && isRunning(record) ? record : undefined;
}

/** Records this process as the supervisor: once without `info` when it begins, once with it when all is ready. */
export function recordSupervisor(folder: StateFolder, info?: StackInfo): void {
  writeJson(folder.supervisor, { ...identify(process.pid), ...(info === undefined ? {} : { info }) });
}

export const forgetSupervisor = (folder: StateFolder): void => removeFile(folder.supervisor);
