import { type ExecResult, connectGuest, type GuestAccess, type GuestConnection } from './connection.ts';
import { GuestUnreachable } from './reach.ts';

/** A guest that is talked to over one connection, made anew when it breaks. Every script must be safe to run again. */
export class GuestSession {
  readonly #access: GuestAccess;
  readonly #serverId: string;
  readonly address: string;
  #connection: GuestConnection | undefined;

  constructor(access: GuestAccess, serverId: string, address: string) {
    this.#access = access;
    this.#serverId = serverId;
    this.address = address;
  }

  /** Runs a script as root; once more over a new connection when the first one broke. @throws as connectGuest does */
  async script(text: string, signal: AbortSignal): Promise<ExecResult> {
    for (let at = 0; ; at++) {
      const connection = this.#connection ?? (await connectGuest(this.#access, this.#serverId, this.address, signal));
      this.#connection = connection;
      try {
        return await connection.script(text, signal);
      } catch (error) {
        connection.close();
        this.#connection = undefined;
        if (!(error instanceof GuestUnreachable) || at >= 3) throw error;
      }
    }
  }

  close(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }
}
