export { AddressRangeError, AddressRanges, clientAddress, plainAddress, readRange } from './address.ts';
export { AddressProblem } from './address-rule.ts';
export { admitCookie } from './browser-session.ts';
export { ActingProblem } from './acting.ts';
export { actorOf, authorOf, callerOf, nobody, principalOf, scopeOf, type Caller } from './caller.ts';
export { Authorizer } from './authorize.ts';
export { bells, connectBell, type Bell } from './bell.ts';
export { checkContract, ContractError, isPaged, rulesOf } from './contract.ts';
export { hostSettings } from './host.settings.ts';
export { loadServiceKeys } from './host.keys.ts';
export { PageTokens } from './page-token.ts';
export { readHostFile, runHost, startHost, type Host, type MakeModule, type ModuleDeps } from './host.ts';
export { IdempotencyStore, idempotencyTable } from './idempotency.ts';
export { ensureInstallation, type Installation } from './installation.ts';
export { registerHealth } from './health.ts';
export { registerReflection } from './reflection.ts';
export { restHandler } from './rest.ts';
export type { RestRequest, RestResponse } from './rest.exchange.ts';
export { compileRoutes, matchRoute } from './rest.route.ts';
export { knownPermissions, permissionsOfRole, roleGrants } from './permission.ts';
export {
  allows,
  verdictOf,
  holdsInPart,
  viewOf,
  type Bounds,
  type Grant,
  type GrantVerdict,
  type ListView,
  type Scope,
} from './grant.ts';
export { orderedPageOf, orderOf } from './order.ts';
export { temporalConnection } from './engine-address.ts';
export { insideOf, tlsOf } from './host.tls.ts';
export { InternalTls, internalName, tlsFiles } from './internal-tls.ts';
export { sessionOptions } from './peer-connection.ts';
export { listenOrigin, type OriginServer } from './server.ts';
export { onBehalfOf, Peers, type About } from './peers.ts';
export {
  AlreadyExistsProblem,
  InvalidProblem,
  NotFoundProblem,
  PermissionProblem,
  PreconditionProblem,
  Problem,
  StaleRevisionProblem,
  UnauthenticatedProblem,
  type FieldProblem,
} from './problem.ts';
export { protect } from './origin.headers.ts';
export { servePages } from './pages.ts';
export { serveReleases } from './releases.ts';
export { demandStepUp, stepUpMs } from './step-up.ts';
export type { FoundPlace, ScopeLookups, ScopeOf } from './authorize.ts';
export type { ServiceModule } from './module.ts';
export type { ServiceName } from './service-context.ts';
