import { Authority, type IssuedCertificate } from './authority.ts';
import { readRotation } from './rotation.ts';

/**
 * Every authority that is trusted now: one, or two while they are being changed. Read once: a step of a rotation is taken up by a
 * gateway at its next start.
 */
export class Authorities {
  readonly #issuer: Authority;
  readonly #trusted: readonly Authority[];

  private constructor(issuer: Authority, trusted: readonly Authority[]) {
    this.#issuer = issuer;
    this.#trusted = trusted;
  }

  /** Opens what is in `folder`; makes the first authority there when there is none. @throws RotationError when its state does not parse */
  static async open(folder: string): Promise<Authorities> {
    const rotation = readRotation(folder);
    const trusted = new Map<string, Authority>();
    for (const name of rotation.trusted) trusted.set(name, await Authority.open(folder, name));
    const issuer = trusted.get(rotation.issuer) ?? (await Authority.open(folder, rotation.issuer));
    return new Authorities(issuer, [...trusted.values()]);
  }

  /** Whose certificates are accepted, PEM, one after the other. */
  get pem(): string {
    return this.#trusted.map((authority) => `${authority.pem}\n`).join('');
  }

  /** What an agent is to trust, in DER. */
  get ders(): Buffer[] {
    return this.#trusted.map((authority) => authority.der);
  }

  /** The pin of each trusted authority, with a comma between them: an agent trusts no other that comes with its certificate. */
  get pins(): string {
    return this.#trusted.map((authority) => authority.pin).join(',');
  }

  /** A certificate for the agent. @throws CertificateRequestError */
  issueAgent(
    csr: Uint8Array,
    agent: { readonly orgId: string; readonly agentId: string },
    lifetimeMs: number,
  ): Promise<IssuedCertificate> {
    return this.#issuer.issueAgent(csr, agent, lifetimeMs);
  }

  /** Key and certificate of a gateway. PEM. */
  issueServer(hosts: readonly string[]): Promise<{ readonly key: string; readonly certificate: string }> {
    return this.#issuer.issueServer(hosts);
  }

  /** Authenticates `bytes` for whoever opens the same folder; no gateway has to remember what another one said. */
  mac(label: string, bytes: Uint8Array): Buffer {
    return this.#issuer.mac(label, bytes);
  }
}
