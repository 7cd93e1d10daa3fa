import { IdentityFolder, identityFiles } from './folder.ts';

const dayMs = 86_400_000;
const rotateAfterMs = 90 * dayMs;
const spread = 0.1;

/**
 * Whether a sealing key in use since then is old enough to be given up: after 90 days, give or take a tenth of that by `jitter` (from 0 up
 * to 1), so that agents that enrolled together do not rotate together.
 */
export const rotationDue = (since: number | undefined, now: number, jitter: number): boolean =>
  since !== undefined && now - since > rotateAfterMs * (1 + spread * (2 * jitter - 1));

/** Asks the agent that works with the data folder to give up the sealing key of that id. Safe to repeat. */
export const requestRotation = (dataFolder: string, keyId: string): void =>
  new IdentityFolder(dataFolder).write(identityFiles.rotationRequest, keyId);

/** Whether a person wants the key of that id given up; a request for one that was given up since is none. */
export const isRequested = (dataFolder: string, keyId: string): boolean =>
  new IdentityFolder(dataFolder).read(identityFiles.rotationRequest)?.toString() === keyId;

/** The request was done. */
export const withdraw = (dataFolder: string): void =>
  new IdentityFolder(dataFolder).remove(identityFiles.rotationRequest);
