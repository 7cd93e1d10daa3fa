import { createHash } from 'node:crypto';
import type { Identity } from '../../../agent/src/identity/identity.ts';
import type { Pairs } from '../../../agent/src/identity/pair.ts';
import type { IdentityFolder } from '../../../agent/src/identity/folder.ts';

/** A certificate as far as the protocol looks into it. Milliseconds since 1970. */
export interface Certificate {
  readonly serial: string;
  readonly from: number;
  readonly ends: number;
}

/** As it goes over the wire. */
export const encoded = (certificate: Certificate): Uint8Array<ArrayBuffer> =>
  new Uint8Array(Buffer.from(JSON.stringify(certificate)));
/** What `encoded` made, or the text of it. */
export const decoded = (bytes: Uint8Array | string): Certificate =>
  JSON.parse(Buffer.from(bytes).toString()) as Certificate;

export const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

/** What of an identity is on a disk beside the journal: each write is whole and outlives the process. */
export class IdentityDisk {
  certificate: Certificate;
  /** By the machine's clock. */
  certifiedAt: number;
  pair = 0;
  failingSince: number | undefined;
  next: { readonly request: string; readonly certificate?: Certificate } | undefined;
  /** Small files, as the agent's identity folder has them. */
  readonly #files = new Map<string, Buffer>();

  constructor(certificate: Certificate, certifiedAt: number) {
    this.certificate = certificate;
    this.certifiedAt = certifiedAt;
  }

  copy(): IdentityDisk {
    const copy = new IdentityDisk(this.certificate, this.certifiedAt);
    [copy.pair, copy.next, copy.failingSince] = [this.pair, this.next, this.failingSince];
    for (const [name, file] of this.#files) copy.#files.set(name, file);
    return copy;
  }

  readonly folder: Pick<IdentityFolder, 'read' | 'write' | 'remove'> = {
    read: (name) => this.#files.get(name),
    write: (name, content) => void this.#files.set(name, Buffer.from(content)),
    remove: (name) => void this.#files.delete(name),
  };

  identity(agentId: string): Identity {
    const { certificate, pair, certifiedAt } = this;
    const none = new Uint8Array();
    return {
      agentId,
      orgId: 'org',
      endpoints: [],
      serverName: '',
      server: undefined,
      pair,
      certifiedAt,
      certificate: JSON.stringify(certificate),
      certificateFrom: new Date(certificate.from),
      certificateEnds: new Date(certificate.ends),
      mtlsKey: '',
      authorities: '',
      sealing: { keyId: '', publicKey: none, privateKey: none },
    };
  }

  /** The next pair as the keeper works on it. `at` may let the process die, before and after each write; `fresh` makes a new request. */
  pairs(at: () => void, fresh: () => string): Pairs {
    const write = (change: () => void): void => {
      at();
      change();
      at();
    };
    return {
      clean: () => undefined,
      request: () => {
        if (this.next === undefined) write(() => (this.next = { request: fresh() }));
        return new Uint8Array(Buffer.from(this.next?.request ?? ''));
      },
      store: (_identity, issued) => {
        const request = this.next?.request ?? '';
        write(() => (this.next = { request, certificate: decoded(issued.certificate) }));
      },
      credentials: () =>
        this.next?.certificate === undefined
          ? undefined
          : { certificate: JSON.stringify(this.next.certificate), key: '', authorities: '', serverName: '' },
      forget: () => write(() => (this.next = this.next === undefined ? undefined : { request: this.next.request })),
      adopt: (identity, _told, now) => {
        const certificate = this.next?.certificate;
        if (certificate === undefined) throw new TypeError('there is no next pair');
        write(() => {
          [this.certificate, this.certifiedAt, this.next] = [certificate, now, undefined];
          this.pair++;
        });
        return this.identity(identity.agentId);
      },
      failingSince: () => this.failingSince,
      setFailing: (since) => write(() => (this.failingSince = since)),
      drop: () => write(() => (this.next = undefined)),
    };
  }
}
