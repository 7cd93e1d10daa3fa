import { createHash } from 'node:crypto';
import type ssh2 from 'ssh2';

/** The server does not take the file: its disk is full, or the login may not write where it is at home. */
export class UploadRefused extends Error {
  override readonly name = 'UploadRefused';
  readonly code = 'UPLOAD_REFUSED';
}

/** Statuses that say that the connection is gone; all other numbers are the server's own word. */
const lostStatuses: readonly unknown[] = [6, 7];

/** What every SFTP server takes in one write, and how many of them are on their way at once. */
const pieceBytes = 32 * 1024;
const piecesAtOnce = 64;

/**
 * Writes the content into a file in the login's home that nobody else can read, named by its digest: an upload again finds the same one.
 * @returns its absolute path; undefined when the server has no SFTP
 * @throws UploadRefused; another error when the connection breaks
 */
export async function upload(client: ssh2.Client, content: Buffer): Promise<string | undefined> {
  const sftp = await openSftp(client);
  if (sftp === undefined) return undefined;
  try {
    const home = await call<string>((done) => sftp.realpath('.', done));
    const path = `${home}/.truffle-upload-${createHash('sha256').update(content).digest('hex')}`;
    const handle = await call<Buffer>((done) => sftp.open(path, 'w', { mode: 0o600 }, done));
    await writeAll(sftp, handle, content);
    await call<void>((done) => sftp.close(handle, done));
    return path;
  } catch (cause) {
    const status = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (typeof status !== 'number' || lostStatuses.includes(status)) throw cause;
    throw new UploadRefused(`the server does not take a file of ${content.length} bytes`, { cause });
  } finally {
    sftp.end();
  }
}

/** Undefined when the server refuses the subsystem; a connection that broke is an error. */
function openSftp(client: ssh2.Client): Promise<ssh2.SFTPWrapper | undefined> {
  return new Promise((resolve, reject) => {
    const lost = (): void => reject(new Error('the connection was lost'));
    client.once('close', lost);
    client.sftp((error, sftp) => {
      client.removeListener('close', lost);
      resolve(error === undefined || error === null ? sftp : undefined);
    });
  });
}

/** In pieces, as many at once as a slow network needs to be full; the first that fails ends it. */
async function writeAll(sftp: ssh2.SFTPWrapper, handle: Buffer, content: Buffer): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < content.length) {
      const at = next;
      const length = Math.min(pieceBytes, content.length - at);
      next += length;
      await call<void>((done) => sftp.write(handle, content, at, length, at, done));
    }
  };
  await Promise.all(Array.from({ length: piecesAtOnce }, lane));
}

/** One request and its answer. */
function call<T>(ask: (done: (error: Error | undefined | null, answer: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) =>
    ask((error, answer) => (error === undefined || error === null ? resolve(answer) : reject(error))),
  );
}
