import { renameSync, rmSync, writeFileSync } from 'node:fs';

/** A file that is there while a process had a session with a gateway: for whoever waits for that, such as install.sh. */
export interface ReadyFile {
  /** There is a session. */
  set(): void;
  clear(): void;
}

/** @param path empty for none @param version that the file says was ready */
export function readyFile(path: string, version: string): ReadyFile {
  if (path === '') return { set: () => undefined, clear: () => undefined };
  rmSync(path, { force: true });
  let isSet = false;
  return {
    set: () => {
      if (isSet) return;
      isSet = true;
      writeFileSync(`${path}.new`, `${version}\n`, { mode: 0o644 });
      renameSync(`${path}.new`, path);
    },
    clear: () => rmSync(path, { force: true }),
  };
}
