import { IdentityService } from '@truffle/api/tenant/v1/identity_service';
import { idKind, idKinds, type IdKind } from '@truffle/ids';
import { AddressProblem } from './address-rule.ts';
import type { Caller } from './caller.ts';
import { onBehalfOf, type Peers } from './peers.ts';
import { allows, reaches, type Scope } from './permission.ts';
import { NotFoundProblem, PermissionProblem } from './problem.ts';
import { EnrolmentRequiredProblem } from './step-up.ts';

/** Where one of a service's own resources is, looked up inside `orgId` only; undefined when it is not there. */
export type ScopeOf = (orgId: string, id: string) => Promise<{ readonly projectId?: string | undefined } | undefined>;

/** How a service finds its own resources, by the kind of their ids. */
export type ScopeLookups = Partial<Record<IdKind, ScopeOf>>;

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
   * The place of `resourceId`, when the caller has `permission` there.
   * @throws NotFoundProblem when it is not there or out of the caller's reach; PermissionProblem when only the permission is missing;
   *   AddressProblem when it is in an organization that is not used from the caller's address
   */
  async authorize(caller: Caller, permission: string, resourceId: string): Promise<Scope> {
    const kind = idKind(resourceId);
    const scope = kind === undefined ? undefined : await this.#scopeOf(caller, kind, resourceId);
    if (scope !== undefined && !reaches(caller.bindings, scope) && reaches(caller.withheld ?? [], scope))
      throw new EnrolmentRequiredProblem(scope.orgId);
    if (scope !== undefined && !reaches(caller.bindings, scope) && reaches(caller.barred ?? [], scope))
      throw new AddressProblem(scope.orgId, caller.address);
    if (scope === undefined || !reaches(caller.bindings, scope))
      throw new NotFoundProblem(kind === undefined ? 'resource' : idKinds[kind], resourceId);
    if (!allows(caller.bindings, permission, scope)) throw new PermissionProblem(permission, resourceId, scope.orgId);
    return scope;
  }

  async #scopeOf(caller: Caller, kind: IdKind, id: string): Promise<Scope | undefined> {
    if (kind === 'org') return { orgId: id };
    if (kind === 'wks' || kind === 'prj') return this.#place(caller, id);
    const lookup = this.#lookups[kind];
    if (lookup === undefined) return undefined;
    for (const orgId of organizationsOf(caller)) {
      const found = await lookup(orgId, id);
      if (found === undefined) continue;
      if (!found.projectId) return { orgId };
      return this.#place(caller, found.projectId);
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

const organizationsOf = (caller: Caller): readonly string[] =>
  [...new Set([...caller.bindings, ...(caller.withheld ?? []), ...(caller.barred ?? [])].map((b) => b.orgId))].slice(
    0,
    mostOrganizations,
  );
