import 'reflect-metadata';
import { createHmac, webcrypto } from 'node:crypto';
import https from 'node:https';
import net, { type AddressInfo, type Socket } from 'node:net';
import tls from 'node:tls';
import { SubjectAlternativeNameExtension, X509CertificateGenerator } from '@peculiar/x509';

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** A certificate for localhost, signed by itself. */
export async function localCertificate(): Promise<Certificate> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const cert = await X509CertificateGenerator.createSelfSigned(
    {
      name: 'CN=localhost',
      keys,
      signingAlgorithm: algorithm,
      notBefore: new Date(Date.now() - 60_000),
      notAfter: new Date(Date.now() + 86_400_000),
      extensions: [new SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }])],
    },
    webcrypto,
  );
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  const key = `-----BEGIN PRIVATE KEY-----\n${der.toString('base64')}\n-----END PRIVATE KEY-----\n`;
  return { cert: cert.toString('pem'), key };
}

/** A receiver of webhooks. It answers with `status` as long as that is set. */
export interface WebhookReceiver {
  readonly url: string;
  status: number;
  /** What arrived, also when it was refused. */
  readonly got: { readonly headers: Record<string, string>; readonly body: string }[];
  close(): Promise<void>;
}

export async function webhookReceiver({ cert, key }: Certificate, port = 0): Promise<WebhookReceiver> {
  const got: WebhookReceiver['got'] = [];
  const server = https.createServer({ cert, key }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      got.push({ headers: request.headers as Record<string, string>, body: Buffer.concat(chunks).toString() });
      response.writeHead(receiver.status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(port, 'localhost', resolve));
  const receiver: WebhookReceiver = {
    url: `https://localhost:${(server.address() as AddressInfo).port}/in`,
    status: 204,
    got,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return receiver;
}

/** As the receiver's side of Standard Webhooks checks it. */
export function isSigned(secret: string, headers: Record<string, string>, body: string): boolean {
  const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signature } = headers;
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  return signature === `v1,${createHmac('sha256', key).update(`${id}.${at}.${body}`).digest('base64')}`;
}

/** A receiver of syslog that takes octet counting apart. */
export interface SyslogReceiver {
  readonly address: string;
  readonly messages: string[];
  close(): Promise<void>;
}

export async function syslogReceiver(certificate?: Certificate): Promise<SyslogReceiver> {
  const messages: string[] = [];
  const take = (socket: Socket): void => {
    let rest = Buffer.alloc(0);
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      for (let space = rest.indexOf(' '); space > 0; space = rest.indexOf(' ')) {
        const end = space + 1 + Number(rest.subarray(0, space).toString());
        if (rest.length < end) return;
        messages.push(rest.subarray(space + 1, end).toString());
        rest = rest.subarray(end);
      }
    });
  };
  const server = certificate === undefined ? net.createServer(take) : tls.createServer(certificate, take);
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  return {
    address: `localhost:${(server.address() as AddressInfo).port}`,
    messages,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
