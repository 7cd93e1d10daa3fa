import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';

/** A mail as it leaves. */
export interface OutgoingMail {
  readonly id: string;
  readonly to: string;
  readonly subject: string;
  readonly body: string;
}

/** The server will not take this mail, now or later. */
export class MailRefusedError extends Error {
  override readonly name = 'MailRefusedError';
}

/** Where mail goes. */
export interface MailTransport {
  /** Whether mail reaches the people it is for: only then can an address be verified. */
  readonly delivers: boolean;
  /** @throws MailRefusedError when trying again is of no use; Error for anything that may pass */
  send(mail: OutgoingMail): Promise<void>;
  close(): void;
}

const timeoutMs = 10_000;

/** Over SMTP. A mail that is sent again carries the same Message-ID, by which mail programs show it once. */
export function smtpTransport(url: string, from: string): MailTransport {
  const mailer = createTransport({
    url,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const domain = /@([^>\s]+)/.exec(from)?.[1] ?? 'localhost';
  return {
    delivers: true,
    send: async ({ id, to, subject, body }) => {
      try {
        await mailer.sendMail({
          from,
          to: { name: '', address: to },
          subject,
          text: body,
          messageId: `<${id}@${domain}>`,
          headers: { 'auto-submitted': 'auto-generated' },
        });
      } catch (cause) {
        const code = (cause as { readonly responseCode?: number }).responseCode ?? 0;
        // What a server says of a mail may quote it: only the code goes further.
        if (code >= 500) throw new MailRefusedError(`the mail server refused it for good (SMTP ${code})`, { cause });
        throw new Error(`the mail server did not take it (${code === 0 ? codeOf(cause) : `SMTP ${code}`})`, { cause });
      }
    },
    close: () => mailer.close(),
  };
}

/** Into files that only the owner of `folder` reads: for an installation without a mail server. */
export function folderTransport(folder: string, from: string): MailTransport {
  return {
    delivers: false,
    send: async ({ id, to, subject, body }) => {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const path = join(folder, `${id}.txt`);
      await writeFile(`${path}.new`, `From: ${from}\nTo: ${to}\nSubject: ${subject}\n\n${body}\n`, { mode: 0o600 });
      await rename(`${path}.new`, path);
    },
    close: () => undefined,
  };
}

/** For an installation that has no way for mail. */
export const noTransport: MailTransport = {
  delivers: false,
  send: async () => {
    throw new MailRefusedError('neither TRUFFLE_SMTP_URL nor TRUFFLE_MAIL_DIR is set');
  },
  close: () => undefined,
};

/** `ECONNREFUSED` and the like. */
const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'no code';
