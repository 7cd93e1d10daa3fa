import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import tls, { type PeerCertificate, type SecureContextOptions, type TLSSocket } from 'node:tls';

/** Files of a certificate, its key and the authority that all of an installation's are made by: as Kubernetes' TLS secrets name them. */
export const tlsFiles = { certificate: 'tls.crt', key: 'tls.key', authority: 'ca.crt' } as const;

/** Name that the certificate of a part of the installation carries, wherever it is dialled. */
export const internalName = (part: string): string => `${part}.truffle.internal`;

/** How often a server looks whether its certificate was renewed. */
const lookEveryMs = 30_000;

/** What a process shows of itself to the other parts of the installation, and whom it believes: both read anew from their files. */
export class InternalTls {
  readonly #folder: string;
  readonly #lookEveryMs: number;

  /** @throws when the files are not there or do not belong together */
  constructor(folder: string, every = lookEveryMs) {
    this.#folder = folder;
    this.#lookEveryMs = every;
    tls.createSecureContext(this.#read());
  }

  /** Our own certificate as its file holds it now. */
  get cert(): Buffer {
    return readFileSync(join(this.#folder, tlsFiles.certificate));
  }

  /** Its key. */
  get key(): Buffer {
    return readFileSync(join(this.#folder, tlsFiles.key));
  }

  /** The authority that is believed. */
  get ca(): Buffer {
    return readFileSync(join(this.#folder, tlsFiles.authority));
  }

  /** Opens a connection for HTTP/2 to `part`, which has to prove its name. */
  connect(part: string, url: URL): TLSSocket {
    return tls.connect({
      ...this.#read(),
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: Number(url.port || 443),
      servername: internalName(part),
      ALPNProtocols: ['h2'],
    });
  }

  /** A server that takes connections of the parts `peers` alone: who has no certificate of the authority does not get past the handshake. */
  listen(
    peers: readonly string[],
    within: { readonly handshakeMs: number },
    taken: (socket: TLSSocket) => void,
  ): tls.Server {
    const names = new Set(peers.map(internalName));
    const server = tls.createServer(
      {
        ...this.#read(),
        requestCert: true,
        rejectUnauthorized: true,
        ALPNProtocols: ['h2', 'http/1.1'],
        handshakeTimeout: within.handshakeMs,
      },
      (socket) => {
        if (namesOf(socket.getPeerCertificate()).some((name) => names.has(name))) taken(socket);
        else socket.destroy();
      },
    );
    this.#renew(server);
    return server;
  }

  /** Takes up a renewed certificate; a pair that is only half written is taken up at the next look. */
  #renew(server: tls.Server): void {
    let known = JSON.stringify(this.#read());
    const timer = setInterval(() => {
      try {
        const read = this.#read();
        const now = JSON.stringify(read);
        if (now === known) return;
        server.setSecureContext(read);
        known = now;
      } catch {
        // The files are being changed: the certificate of before is good for now.
      }
    }, this.#lookEveryMs);
    timer.unref();
    server.once('close', () => clearInterval(timer));
  }

  #read(): SecureContextOptions {
    return { cert: this.cert, key: this.key, ca: this.ca, minVersion: 'TLSv1.3' };
  }
}

/** Names that a certificate was made for. */
const namesOf = ({ subjectaltname = '' }: Partial<PeerCertificate>): string[] =>
  subjectaltname.split(', ').flatMap((each) => (each.startsWith('DNS:') ? [each.slice('DNS:'.length)] : []));
