import type { SQLInputValue, SQLOutputValue } from 'node:sqlite';
import type { Reservation, SeenUnwanted } from '../command/site.ts';

interface Access {
  readonly all: (sql: string, ...values: SQLInputValue[]) => Record<string, SQLOutputValue>[];
  /** One record, on disk when it returns. */
  readonly record: (write: (run: (sql: string, ...values: SQLInputValue[]) => unknown) => void) => void;
}

/** Tries that are remembered of one number; the oldest go first. */
const mostTries = 16;

/** Statement that takes back the reservations of the numbers that a command reserved. It takes the command's id. */
export const releaseReserved =
  'DELETE FROM reservation WHERE vmid IN (SELECT vmid FROM reservation WHERE command_id = ?)';

/** The part of the journal that says which numbers VMs are being made on, and since when a VM is seen that nobody wants. */
export class Numbers {
  readonly #access: Access;

  constructor(access: Access) {
    this.#access = access;
  }

  /** Notes, before a clone is asked for, that the number is to be this server's by this command. The first time stays. */
  reserve({ vmid, serverId, commandId }: Reservation): void {
    this.#access.record((run) => {
      run('INSERT OR IGNORE INTO reservation(vmid, server_id, command_id) VALUES (?, ?, ?)', vmid, serverId, commandId);
      const oldest = 'SELECT n FROM reservation WHERE vmid = ? ORDER BY n DESC LIMIT 1 OFFSET ?';
      run(`DELETE FROM reservation WHERE vmid = ? AND n <= (${oldest})`, vmid, vmid, mostTries);
    });
  }

  /** Every reservation that was not released, oldest first. */
  reservations(): readonly Reservation[] {
    return this.#access.all('SELECT vmid, server_id, command_id FROM reservation ORDER BY n').map((row) => ({
      vmid: Number(row['vmid']),
      serverId: String(row['server_id']),
      commandId: String(row['command_id']),
    }));
  }

  /** The number is a whole server's, or nobody's: what was reserved on it proves nothing any more. */
  release(vmid: number): void {
    if (this.#access.all('SELECT 1 FROM reservation WHERE vmid = ? LIMIT 1', vmid).length === 0) return;
    this.#access.record((run) => run('DELETE FROM reservation WHERE vmid = ?', vmid));
  }

  /** What was seen unwanted when it was last looked for. */
  unwanted(): readonly SeenUnwanted[] {
    return this.#access.all('SELECT vmid, server_id, since FROM unwanted ORDER BY vmid').map((row) => ({
      vmid: Number(row['vmid']),
      serverId: String(row['server_id']),
      sinceMs: Number(row['since']),
    }));
  }

  /** Keeps these in the place of what was kept before. */
  keepUnwanted(seen: readonly SeenUnwanted[]): void {
    const known = this.unwanted();
    const isKept = ({ vmid, serverId, sinceMs }: SeenUnwanted): boolean =>
      known.some((each) => each.vmid === vmid && each.serverId === serverId && each.sinceMs === Math.round(sinceMs));
    if (seen.length === known.length && seen.every(isKept)) return;
    this.#access.record((run) => {
      run('DELETE FROM unwanted');
      for (const { vmid, serverId, sinceMs } of seen)
        run('INSERT INTO unwanted VALUES (?, ?, ?)', vmid, serverId, Math.round(sinceMs));
    });
  }
}
