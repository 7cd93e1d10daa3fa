import { createHash } from 'node:crypto';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { Effect, type Binding } from '@truffle/api/tenant/v1/account';
import {
  IdentityService,
  type AuthenticateResponse,
  type CredentialBounds,
} from '@truffle/api/tenant/v1/identity_service';
import { Access } from '@truffle/api/options/v1/method';
import { Code, ConnectError } from '@connectrpc/connect';
import { bothOf } from './acting.ts';
import { AddressRanges } from './address.ts';
import { admitAddress, type AddressRules } from './address-rule.ts';
import { nobody, type Caller } from './caller.ts';
import type { Peers } from './peers.ts';
import type { Bounds, Grant } from './grant.ts';
import { UnauthenticatedProblem } from './problem.ts';
import { contextHeader, type ServiceKeys } from './service-context.ts';

type Identity = Pick<
  Caller,
  | 'subject'
  | 'displayName'
  | 'acting'
  | 'bindings'
  | 'sessionId'
  | 'authenticatedAt'
  | 'withheld'
  | 'providerDemanded'
  | 'proofDemanded'
> & { readonly rules: AddressRules };

/** How long an answer of the tenant service holds: a revoked credential is refused at most this much later. */
const cacheMs = 5_000;
const mostCached = 10_000;

/** Finds out who is calling, from a bearer credential or another service's signed context. */
export class Identifier {
  readonly #peers: Peers;
  readonly #keys: ServiceKeys;
  readonly #now: () => number;
  readonly #known = new Map<string, { readonly until: number; readonly identity: Promise<Identity> }>();

  constructor(peers: Peers, keys: ServiceKeys, now: () => number = Date.now) {
    this.#peers = peers;
    this.#keys = keys;
    this.#now = now;
  }

  /** @throws UnauthenticatedProblem when the method needs a caller and the request names none that is good; AddressProblem */
  async identify(access: Access, header: Headers, requestId: string, address: string): Promise<Caller> {
    const base = { ...nobody, requestId, address, traceparent: header.get('traceparent') ?? '' };
    if (access === Access.ANONYMOUS) return base;
    if (access === Access.SERVICE) return this.#service(header, base);
    const credential = bearer(header);
    if (credential === undefined)
      throw new UnauthenticatedProblem('NO_CREDENTIAL', 'sign in first, or send an API key: authorization: Bearer …');
    const { rules, ...identity } = await this.#identity(credential, requestId, address);
    return admitAddress({ ...base, ...identity }, rules);
  }

  /** The caller as the tenant service knows them now: a proof given a moment ago may not have been heard of. */
  async again(caller: Caller, header: Headers): Promise<Caller> {
    const credential = bearer(header);
    if (credential === undefined) return caller;
    this.#known.delete(nameOf(credential));
    const { rules, ...identity } = await this.#identity(credential, caller.requestId, caller.address);
    return admitAddress({ ...caller, ...identity }, rules);
  }

  /** Forgets every answer: something about identities changed. */
  forget(): void {
    this.#known.clear();
  }

  async #service(header: Headers, base: Caller): Promise<Caller> {
    const token = header.get(contextHeader);
    if (token === null) throw new UnauthenticatedProblem('NO_SERVICE_CONTEXT', 'this method is for services');
    const about = await this.#keys.verify(token);
    return {
      ...base,
      subject: `svc:${about.service}`,
      onBehalfOf: about.onBehalfOf,
      displayName: about.displayName,
      acting: about.acting,
      address: about.address ?? base.address,
      userAgent: about.userAgent,
      action: about.action,
      orgId: about.orgId,
      requestId: about.requestId || base.requestId,
    };
  }

  #identity(credential: string, requestId: string, address: string): Promise<Identity> {
    const name = nameOf(credential);
    const now = this.#now();
    const known = this.#known.get(name);
    if (known !== undefined && known.until > now) return known.identity;
    const identity = this.#ask(credential, requestId, address);
    if (this.#known.size >= mostCached) this.#known.clear();
    this.#known.set(name, { until: now + cacheMs, identity });
    identity.catch(() => this.#known.delete(name));
    return identity;
  }

  async #ask(credential: string, requestId: string, address: string): Promise<Identity> {
    try {
      const got = await this.#peers
        .client('tenant', IdentityService, { orgId: '', requestId })
        .authenticate({ credential, address: address.slice(0, 64) });
      const grantOf = grantReader(got);
      const held = got.bindings.map(grantOf);
      return {
        subject: got.subject,
        displayName: got.displayName,
        sessionId: got.sessionId === '' ? undefined : got.sessionId,
        acting: got.acting?.subject,
        bindings: got.acting === undefined ? held : bothOf(held, got.acting.bindings.map(grantReader(got.acting))),
        withheld: got.withheld.map(grantOf),
        providerDemanded: new Set(got.providerDemanded),
        proofDemanded: new Set(got.proofDemanded),
        authenticatedAt: got.authenticatedAt === undefined ? undefined : timestampMs(got.authenticatedAt),
        rules: new Map(got.addressRules.map((rule) => [rule.orgId, new AddressRanges(rule.ranges)])),
      };
    } catch (error) {
      if (error instanceof ConnectError && error.code === Code.Unauthenticated)
        throw new UnauthenticatedProblem(
          'INVALID_CREDENTIAL',
          'the credential is wrong, ended or revoked; sign in again',
        );
      throw error;
    }
  }
}

const nameOf = (credential: string): string => createHash('sha256').update(credential).digest('base64url');

/** Reads the bindings of an answer: what a custom role is made of and what a key is narrowed to are shared by them. */
function grantReader(
  answer: Pick<AuthenticateResponse, 'roles'> & { readonly bounds?: CredentialBounds },
): (binding: Binding) => Grant {
  const roles = new Map(answer.roles.map((role) => [role.roleId, new Set(role.permissions)]));
  const nothing = new Set<string>();
  const bounds = boundsOf(answer);
  return (b) => ({
    role: b.role,
    scopeId: b.scopeId,
    orgId: b.orgId,
    workspaceId: b.workspaceId || undefined,
    projectId: b.projectId || undefined,
    permissions: b.roleId === '' ? undefined : (roles.get(b.roleId) ?? nothing),
    deny: b.effect === Effect.DENY,
    startsAt: b.startsAt === undefined ? undefined : timestampMs(b.startsAt),
    expiresAt: b.expiresAt === undefined ? undefined : timestampMs(b.expiresAt),
    bounds,
  });
}

function boundsOf({ bounds }: { readonly bounds?: CredentialBounds }): Bounds | undefined {
  if (bounds === undefined) return undefined;
  return {
    permissions: bounds.permissions.length === 0 ? undefined : new Set(bounds.permissions),
    scopeIds: bounds.scopeIds.length === 0 ? undefined : bounds.scopeIds,
  };
}

function bearer(header: Headers): string | undefined {
  const given = header.get('authorization');
  return given === null ? undefined : /^Bearer ([\x21-\x7e]{8,8192})$/i.exec(given)?.[1];
}
