import { setTimeout as delay } from 'node:timers/promises';
import { readIdentity } from './identity/identity.ts';
import { requestRotation } from './identity/rotation.ts';
import { SealingKeys } from './identity/sealing-keys.ts';
import { DataFolderLocked, lockDataFolder } from './journal/lock.ts';

const waitMs = 60_000;
const lookMs = 250;

/** A rotation was asked for and is not done yet. */
export class RotationWaits extends Error {
  override readonly name = 'RotationWaits';
  readonly code = 'ROTATION_WAITS';
}

/**
 * Has the agent of a data folder give up its sealing key for a new one, and waits for that while it runs; answers what to tell.
 * @throws RotationWaits when it is not done within a minute: the agent goes on trying
 */
export async function rotateSealingKey(dataFolder: string): Promise<string> {
  if (readIdentity(dataFolder) === undefined) throw new TypeError(`${dataFolder} holds no identity; enrol first`);
  const { keyId } = new SealingKeys(dataFolder).current;
  requestRotation(dataFolder, keyId);
  if (!isRunning(dataFolder)) return 'the agent is not running; it rotates its sealing key at its next session';
  for (let waited = 0; waited < waitMs; waited += lookMs) {
    const { current } = new SealingKeys(dataFolder);
    if (current.keyId !== keyId)
      return `secrets are sealed to ${current.keyId} from now on; ${keyId} is kept for what was sealed before`;
    await delay(lookMs);
  }
  throw new RotationWaits(
    'the sealing key is not rotated yet: the agent does it once it reaches a gateway; see its log',
  );
}

function isRunning(dataFolder: string): boolean {
  try {
    lockDataFolder(dataFolder).release();
    return false;
  } catch (error) {
    if (error instanceof DataFolderLocked) return true;
    throw error;
  }
}
