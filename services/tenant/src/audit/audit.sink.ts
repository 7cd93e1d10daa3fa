import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Checkpoint } from '@truffle/audit';

/** The second place of checkpoints: what is there shows that a trail was cut. */
export interface CheckpointSink {
  /** Resolves when they are kept. The same one may come again. */
  write(checkpoints: readonly Checkpoint[]): Promise<void>;
}

/** A folder with a file for each organization, `<org>.jsonl`, that is only ever appended to. */
export const folderSink = (folder: string): CheckpointSink => ({
  write: async (checkpoints) => {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const [orgId, own] of Map.groupBy(checkpoints, (checkpoint) => checkpoint.org_id)) {
      const file = await open(join(folder, `${orgId}.jsonl`), 'a', 0o600);
      try {
        await file.appendFile(own.map((checkpoint) => `${JSON.stringify({ checkpoint })}\n`).join(''));
        await file.datasync();
      } finally {
        await file.close();
      }
    }
  },
});

/** For an installation that keeps its checkpoints in exports alone. */
export const noSink: CheckpointSink = { write: () => Promise.resolve() };
