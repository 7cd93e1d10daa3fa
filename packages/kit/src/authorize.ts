import type { MethodRules } from '@truffle/api/options/v1/method';
import { IdentityService } from '@truffle/api/tenant/v1/identity_service';
import { idKind, idKinds, type IdKind } from '@truffle/ids';
import { AddressProblem } from './address-rule.ts';
import type { Caller } from './caller.ts';
import { onBehalfOf, type Peers } from './peers.ts';
import { allows, holdsBelow, holdsInPart, reaches, verdictOf, type Scope } from './grant.ts';
import { knownPermissions } from './permission.ts';
import { NotFoundProblem, PermissionProblem } from './problem.ts';
import type { Problem } from './problem.ts';
import { EnrolmentRequiredProblem, ProofRequiredProblem, ProviderRequiredProblem } from './step-up.ts';

/** Where one of a service's own resources is; `within` are the resources that it is part of. */
export interface FoundPlace {
  readonly projectId?: string | undefined;
  readonly within?: readonly string[] | undefined;
}

/** Finds one of a service's own resources, inside `orgId` only; undefined when it is not there. */
export type ScopeOf = (orgId: string, id: string, caller: Caller) => Promise<FoundPlace | undefined>;

/** How a service finds its own resources, by the kind of their ids. */
export type ScopeLookups = Partial<Record<IdKind, ScopeOf>>;

/** By what else than the permission at its place something may be read: see the method's options. */
export type Also = Partial<Pick<MethodRules, 'filtered' | 'shared'>>;

const cacheMs = 5_000;
const mostCached = 10_000;
const mostOrganizations = 100;

/** Decides whether a caller may do something with a resource. What they may not read is not there. */
export class Authorizer {
  readonly #peers: Peers;
  readonly #lookups: ScopeLookups;
  readonly #now: () => number;
  readonly #places = new Map<string, { readonly until: number; readonly scope: Promise<Scope | undefined> }>();

  constructor(peers: Peers, lookups: ScopeLookups, now: () => number = Date.now) {
    this.#peers = peers;
    this.#lookups = lookups;
    this.#now = now;
  }

  /**
   * The place of `resourceId`, when the caller has `permission` there; with `filtered` also when they have it for something below, with `shared`
   * when they have it at a workspace or project.
   * @throws NotFoundProblem when it is not there or out of the caller's reach; PermissionProblem when only the permission is missing;
   *   AddressProblem when it is in an organization that is not used from the caller's address
   */
  async authorize(caller: Caller, permission: string, resourceId: string, also: Also = {}): Promise<Scope> {
    const now = this.#now();
    const scope = await this.locate(caller, resourceId);
    const { bindings, withheld = [], barred = [] } = caller;
    if (scope !== undefined) {
      if (allows(bindings, permission, scope, now)) return scope;
      if (also.filtered === true && holdsBelow(bindings, permission, scope, now)) return scope;
      if (also.shared === true && holdsInPart(bindings, permission, scope, now)) return scope;
      if (maySee(bindings, resourceId, scope, now)) throw new PermissionProblem(permission, resourceId, scope.orgId);
      if (reaches(withheld, scope, now)) throw demandOf(caller, scope.orgId);
      if (reaches(barred, scope, now)) throw new AddressProblem(scope.orgId, caller.address);
    }
    throw missing(resourceId);
  }

  /** Where `id` is, whatever the caller may do there; undefined when it is in none of the caller's organizations. */
  async locate(caller: Caller, id: string): Promise<Scope | undefined> {
    const kind = idKind(id);
    return kind === undefined ? undefined : this.#scopeOf(caller, kind, id);
  }

  async #scopeOf(caller: Caller, kind: IdKind, id: string): Promise<Scope | undefined> {
    if (kind === 'org') return { orgId: id };
    if (kind === 'wks' || kind === 'prj') return this.#place(caller, id);
    const lookup = this.#lookups[kind];
    if (lookup === undefined) return undefined;
    for (const orgId of organizationsOf(caller)) {
      const found = await lookup(orgId, id, { ...caller, orgId });
      if (found === undefined) continue;
      const place = found.projectId ? await this.#place(caller, found.projectId) : { orgId };
      return place === undefined ? undefined : { ...place, resourceIds: [id, ...(found.within ?? [])] };
    }
    return undefined;
  }

  #place(caller: Caller, id: string): Promise<Scope | undefined> {
    const now = this.#now();
    const known = this.#places.get(id);
    if (known !== undefined && known.until > now) return known.scope;
    const scope = this.#resolve(caller, id);
    if (this.#places.size >= mostCached) this.#places.clear();
    this.#places.set(id, { until: now + cacheMs, scope });
    scope.then(
      (found) => found ?? this.#places.delete(id),
      () => this.#places.delete(id),
    );
    return scope;
  }

  async #resolve(caller: Caller, id: string): Promise<Scope | undefined> {
    for (const orgId of organizationsOf(caller)) {
      const { chains } = await this.#peers
        .client('tenant', IdentityService, { ...onBehalfOf(caller), orgId })
        .resolveScopes({ scopeIds: [id] });
      const chain = chains[0];
      if (chain !== undefined)
        return {
          orgId: chain.orgId,
          workspaceId: chain.workspaceId || undefined,
          projectId: chain.projectId || undefined,
        };
    }
    return undefined;
  }
}

const places: ReadonlySet<string> = new Set(['org', 'wks', 'prj'] satisfies IdKind[]);

/**
 * Whether a resource is there for somebody: who may not read it, finds none. A member knows the places that they have any role at, unless
 * reading them is denied; and a resource that has no permission to read one is there for who has any role at it.
 */
function maySee(bindings: Caller['bindings'], id: string, scope: Scope, now: number): boolean {
  const kind = idKind(id);
  const read = kind === undefined ? '' : `${idKinds[kind].replace(' ', '_')}.get`;
  if (!knownPermissions().has(read)) return reaches(bindings, scope, now);
  if (kind === undefined || !places.has(kind)) return allows(bindings, read, scope, now);
  return reaches(bindings, scope, now) && !bindings.some((b) => verdictOf(b, read, scope, now) === 'denies');
}

const missing = (id: string): NotFoundProblem => {
  const kind = idKind(id);
  return new NotFoundProblem(kind === undefined ? 'resource' : idKinds[kind], id);
};

const organizationsOf = (caller: Caller): readonly string[] =>
  [...new Set([...caller.bindings, ...(caller.withheld ?? []), ...(caller.barred ?? [])].map((b) => b.orgId))].slice(
    0,
    mostOrganizations,
  );

/** What an organization demands before it lets the caller in. */
function demandOf({ providerDemanded, proofDemanded }: Caller, orgId: string): Problem {
  if (providerDemanded?.has(orgId) === true) return new ProviderRequiredProblem(orgId);
  return proofDemanded?.has(orgId) === true ? new ProofRequiredProblem(orgId) : new EnrolmentRequiredProblem(orgId);
}
