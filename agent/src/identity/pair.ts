import { CertificateInvalid, checkedPair } from './certificate.ts';
import { IdentityFolder, identityFiles, pairFiles } from './folder.ts';
import { readIdentity, type AgentFile, type Identity } from './identity.ts';
import { ensureRequest } from './keys.ts';

/** A certificate with the authorities to trust, as it came. */
export interface Issued {
  readonly certificate: Uint8Array;
  readonly authorities: readonly Uint8Array[];
}

/** What a dialled gateway is shown and must show. PEM. */
export type PairCredentials = Pick<Identity, 'certificate' | 'authorities' | 'serverName'> & { readonly key: string };

/** What a keeper needs of the next pair; see `NextPair`. */
export type Pairs = Pick<
  NextPair,
  'clean' | 'request' | 'store' | 'credentials' | 'forget' | 'adopt' | 'drop' | 'failingSince' | 'setFailing'
>;

/**
 * The key pair after the one that counts. It is made on disk step by step, so that a crash anywhere leaves the present pair as it is and
 * the next try goes on: key and request, then certificate and authorities, then `agent.json` names it, then the former one is removed.
 */
export class NextPair {
  readonly #dataFolder: string;
  readonly #folder: IdentityFolder;

  constructor(dataFolder: string) {
    this.#dataFolder = dataFolder;
    this.#folder = new IdentityFolder(dataFolder);
  }

  /** Removes what a former pair may have left. */
  clean({ pair }: Identity): void {
    if (pair > 0) this.#folder.removePair(pair - 1);
  }

  /** The request for its certificate: the same one until the pair counts or is dropped. */
  request({ pair }: Identity): Uint8Array<ArrayBuffer> {
    return ensureRequest(this.#folder, pair + 1);
  }

  /** Stores what came. @throws CertificateInvalid when it is not for the request */
  store({ pair }: Identity, issued: Issued): void {
    const files = pairFiles(pair + 1);
    const checked = checkedPair(issued, this.#folder.read(files.key)?.toString() ?? '');
    if (checked === undefined) throw new CertificateInvalid('the answer holds no authorities');
    this.#folder.write(files.authorities, checked.authorities);
    this.#folder.write(files.certificate, checked.certificate);
  }

  /** What to dial with to try it; undefined while there is no certificate. */
  credentials({ pair, serverName }: Identity): PairCredentials | undefined {
    const files = pairFiles(pair + 1);
    const [key, certificate, authorities] = [files.key, files.certificate, files.authorities].map((name) =>
      this.#folder.read(name)?.toString(),
    );
    if (key === undefined || certificate === undefined || authorities === undefined) return undefined;
    return { key, certificate, authorities, serverName };
  }

  /** Forgets its certificate, and keeps the request: it did not get through a handshake, and may have ended. */
  forget({ pair }: Identity): void {
    this.#folder.remove(pairFiles(pair + 1).certificate);
  }

  /** From now on it is the pair that counts; the former one is gone. `told`: where gateways are now; empty for where they were. `now`: by this machine's clock. */
  adopt(identity: Identity, told: readonly string[], now: number): Identity {
    const { agentId, orgId, serverName, server } = identity;
    const endpoints = told.length > 0 ? told : identity.endpoints;
    const file: AgentFile = {
      agentId,
      orgId,
      endpoints,
      serverName,
      pair: identity.pair + 1,
      certifiedAt: now,
      ...(server === undefined ? {} : { server }),
    };
    this.#folder.write(identityFiles.agent, `${JSON.stringify(file, null, 2)}\n`);
    const next = readIdentity(this.#dataFolder);
    if (next === undefined) throw new CertificateInvalid('the identity that was just written is not there');
    this.clean(next);
    this.#folder.remove(pairFiles(next.pair).request);
    return next;
  }

  /** Since when no try to get another certificate came off, by this machine's clock; undefined while the last one did. */
  failingSince(): number | undefined {
    const file = this.#folder.read(identityFiles.renewalFailing);
    return file === undefined ? undefined : Number(file.toString());
  }

  setFailing(since: number | undefined): void {
    if (since === undefined) this.#folder.remove(identityFiles.renewalFailing);
    else this.#folder.write(identityFiles.renewalFailing, String(since));
  }

  /** Forgets it: the gateway does not want it. */
  drop({ pair }: Identity): void {
    this.#folder.removePair(pair + 1);
  }
}
