import { type ExecResult, connectGuest, type GuestAccess, type GuestConnection } from './connection.ts';
import { GuestUnreachable } from './reach.ts';

/** A guest that is talked to over one connection, made anew when it breaks. Whatever is asked of it must be safe to do again. */
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
  script(text: string, signal: AbortSignal): Promise<ExecResult> {
    return this.#connected(signal, (connection) => connection.script(text, signal));
  }

  /**
   * Puts the content into a file that only the login can read, from the start again when the connection broke. @returns its path on the
   * guest; undefined when the guest has no SFTP. @throws as connectGuest does
   */
  upload(content: Buffer, signal: AbortSignal): Promise<string | undefined> {
    return this.#connected(signal, (connection) => connection.upload(content, signal));
  }

  async #connected<T>(signal: AbortSignal, work: (connection: GuestConnection) => Promise<T>): Promise<T> {
    for (let at = 0; ; at++) {
      const connection = this.#connection ?? (await connectGuest(this.#access, this.#serverId, this.address, signal));
      this.#connection = connection;
      try {
        return await work(connection);
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
