import { createPrivateKey, createPublicKey, hkdfSync, type KeyObject } from 'node:crypto';
import { decodeProtectedHeader, errors, jwtVerify, SignJWT } from 'jose';
import { UnauthenticatedProblem } from './problem.ts';

/** Header of the signed context that travels with every call between services. */
export const contextHeader = 'truffle-context';
const lifetimeSeconds = 60;

/** Services that call each other, by the name that their key is filed under. */
export type ServiceName = 'tenant' | 'template' | 'orchestration' | 'billing' | 'agent-gateway';

/** What one service tells another about a call. */
export interface ServiceContext {
  readonly service: ServiceName;
  /** In whose name: `user:…` or `key:…`; missing for the service's own work. */
  readonly onBehalfOf?: string | undefined;
  readonly displayName?: string | undefined;
  /** Who acts as that one, `user:…`. */
  readonly acting?: string | undefined;
  /** Where the call came from and what it was, for the audit trail. */
  readonly address?: string | undefined;
  readonly userAgent?: string | undefined;
  readonly action?: string | undefined;
  /** The organization that the call is about; empty only for authenticating. */
  readonly orgId: string;
  readonly requestId: string;
}

/** This service's Ed25519 key and the public keys of those that may call it. No key opens more than its own service's name. */
export class ServiceKeys {
  readonly #name: ServiceName;
  readonly #own: KeyObject;
  readonly #trusted: ReadonlyMap<string, KeyObject>;

  constructor(name: ServiceName, ownPem: string, trustedPems: Readonly<Record<string, string>>) {
    this.#name = name;
    this.#own = createPrivateKey(ownPem);
    this.#trusted = new Map(Object.entries(trustedPems).map(([service, pem]) => [service, createPublicKey(pem)]));
  }

  /** 32 bytes that all replicas of this service have and nobody else: others for each purpose, new with the service's key. */
  secretFor(purpose: string): Buffer {
    const own = this.#own.export({ type: 'pkcs8', format: 'der' });
    return Buffer.from(hkdfSync('sha256', own, '', `truffle ${purpose}`, 32));
  }

  /** A token for one call to `audience`, good for 60 s. */
  async mint(audience: ServiceName, about: Omit<ServiceContext, 'service'>): Promise<string> {
    return new SignJWT({
      org: about.orgId,
      rid: about.requestId,
      ...(about.onBehalfOf ? { obo: about.onBehalfOf } : {}),
      ...(about.acting ? { imp: about.acting } : {}),
      ...(about.displayName ? { nam: about.displayName } : {}),
      ...(about.address ? { adr: about.address } : {}),
      ...(about.userAgent ? { uag: about.userAgent } : {}),
      ...(about.action ? { act: about.action } : {}),
    })
      .setProtectedHeader({ alg: 'EdDSA', kid: this.#name })
      .setIssuer(this.#name)
      .setAudience(audience)
      .setIssuedAt()
      .setExpirationTime(`${lifetimeSeconds}s`)
      .sign(this.#own);
  }

  /** @throws UnauthenticatedProblem when the token is not one that a trusted service made for this one, now */
  async verify(token: string): Promise<ServiceContext> {
    try {
      const { payload } = await jwtVerify(
        token,
        (header) => {
          const key = this.#trusted.get(header.kid ?? '');
          if (key === undefined) throw new errors.JWKSNoMatchingKey();
          return key;
        },
        {
          algorithms: ['EdDSA'],
          audience: this.#name,
          clockTolerance: 5,
          requiredClaims: ['iss', 'exp', 'iat'],
          maxTokenAge: `${lifetimeSeconds}s`,
        },
      );
      const kid = decodeProtectedHeader(token).kid;
      if (payload.iss !== kid) throw new errors.JWTClaimValidationFailed('issuer is not the signer', payload, 'iss');
      return {
        service: payload.iss as ServiceName,
        orgId: textOf(payload['org']) ?? '',
        requestId: textOf(payload['rid']) ?? '',
        onBehalfOf: textOf(payload['obo']),
        displayName: textOf(payload['nam']),
        acting: textOf(payload['imp']),
        address: textOf(payload['adr']),
        userAgent: textOf(payload['uag']),
        action: textOf(payload['act']),
      };
    } catch (error) {
      if (error instanceof errors.JOSEError)
        throw new UnauthenticatedProblem('INVALID_SERVICE_CONTEXT', 'the call carries no valid service context');
      throw error;
    }
  }
}

const textOf = (claim: unknown): string | undefined => (typeof claim === 'string' ? claim : undefined);
