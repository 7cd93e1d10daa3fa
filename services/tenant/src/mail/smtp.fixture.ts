import { SMTPServer } from 'smtp-server';
import { until } from '@truffle/testkit';

/** A mail as it arrived. */
export interface ArrivedMail {
  readonly to: string;
  readonly id: string;
  readonly subject: string;
  readonly text: string;
  /** Token of its link; empty for none. */
  readonly token: string;
}

/** A real SMTP server in this process, which keeps what it is given. */
export interface MailServer {
  readonly url: string;
  readonly mails: readonly ArrivedMail[];
  /** Answers the next mails with these SMTP codes; 0 cuts the connection. */
  refuseWith(...codes: number[]): void;
  /** The newest mail to `to` with `subject`, once it has arrived. */
  arrived(to: string, subject: string): Promise<ArrivedMail>;
  close(): Promise<void>;
}

export async function startMailServer(): Promise<MailServer> {
  const mails: ArrivedMail[] = [];
  const refusals: number[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    logger: false,
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const code = refusals.shift();
        if (code !== undefined) return done(Object.assign(new Error('refused by the test'), { responseCode: code }));
        const to = session.envelope.rcptTo.map((each) => each.address).join(',');
        mails.push(parse(to, Buffer.concat(chunks).toString()));
        return done();
      });
    },
  });
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.server.address() as { readonly port: number };
  return {
    url: `smtp://127.0.0.1:${port}`,
    mails,
    refuseWith: (...codes) => void refusals.push(...codes),
    arrived: (to, subject) =>
      until(`a mail to ${to}: ${subject}`, () => mails.findLast((m) => m.to === to && m.subject.includes(subject))),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function parse(to: string, raw: string): ArrivedMail {
  const [head = '', ...rest] = raw.split('\r\n\r\n');
  const headers = head.replaceAll(/\r\n[ \t]+/g, ' ');
  const header = (name: string): string => new RegExp(`^${name}: (.*)$`, 'im').exec(headers)?.[1] ?? '';
  const body = rest.join('\n\n');
  const text = /quoted-printable/i.test(header('content-transfer-encoding'))
    ? body
        .replaceAll(/=\r?\n/g, '')
        .replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    : body;
  return { to, id: header('message-id'), subject: header('subject'), text, token: /\btft_\w+/.exec(text)?.[0] ?? '' };
}
