import type { DescMethod } from '@bufbuild/protobuf';
import { publicServices } from '@truffle/api';
import { Audience } from '@truffle/api/options/v1/method';
import { compileRoutes, matchRoute, rulesOf, type ServiceName } from '@truffle/kit';

/** Which service serves a package of the contract. */
const owners: Readonly<Record<string, ServiceName>> = {
  'truffle.tenant.v1': 'tenant',
  'truffle.template.v1': 'template',
  'truffle.orchestration.v1': 'orchestration',
  'truffle.billing.v1': 'billing',
  'truffle.agent.v1': 'agent-gateway',
};

const ownerOf = (method: DescMethod): ServiceName => {
  const owner = owners[method.parent.file.proto.package];
  if (owner === undefined) throw new TypeError(`no service is known to serve ${method.parent.typeName}`);
  return owner;
};

const calls: ReadonlyMap<string, ServiceName> = new Map(
  publicServices
    .flatMap((service) => service.methods)
    .filter((method) => rulesOf(method).audience === Audience.PUBLIC)
    .map((method) => [`/${method.parent.typeName}/${method.name}`, ownerOf(method)]),
);
const rest = compileRoutes(publicServices);

/** Every service that the origin needs behind it. */
export const upstreamNames: readonly ServiceName[] = [...new Set(Object.values(owners))];

/**
 * The service that answers `verb path` (no query); undefined for everything that is not a public method, by RPC or by REST.
 * @throws Problem for a REST path that is not well encoded
 */
export function upstreamOf(verb: string, path: string): ServiceName | undefined {
  if (!path.startsWith('/v1/')) return calls.get(path);
  const match = matchRoute(rest, verb, path);
  return 'route' in match ? ownerOf(match.route.method) : undefined;
}
