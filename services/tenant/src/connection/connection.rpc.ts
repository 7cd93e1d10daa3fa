import type { ServiceImpl } from '@connectrpc/connect';
import type { ConnectionService } from '@truffle/api/tenant/v1/connection_service';
import { callerOf, orderedPageOf } from '@truffle/kit';
import type { TenantParts } from '../parts.ts';
import { connectionMessage, domainMessage } from './connection.codec.ts';
import { connectionOrdering, listConnections } from './connection.repo.ts';
import { changeConnection, createConnection, removeConnection } from './connection.usecases.ts';
import { listDomains, domainOrdering } from './domain.repo.ts';
import { addDomain, removeDomain, requireDomain, verifyDomain } from './domain.usecases.ts';

export const connectionRpc = (parts: TenantParts): ServiceImpl<typeof ConnectionService> => ({
  createConnection: async (request, context) => ({
    connection: connectionMessage(await createConnection(parts, callerOf(context), request), parts.openid.redirectUri),
  }),
  updateConnection: async (request, context) => ({
    connection: connectionMessage(
      await changeConnection(parts, callerOf(context), request.connectionId, request),
      parts.openid.redirectUri,
    ),
  }),
  listConnections: async (request, context) => {
    const page = orderedPageOf(context, request, connectionOrdering);
    const { rows, next } = page.cut(
      await parts.tenants.tenant(callerOf(context).orgId, (tx) => listConnections(tx, page)),
    );
    return { connections: rows.map((row) => connectionMessage(row, parts.openid.redirectUri)), page: { next } };
  },
  deleteConnection: async (request, context) => {
    await removeConnection(parts, callerOf(context), request.connectionId);
    return {};
  },
  addDomain: async ({ connectionId, domain }, context) => ({
    domain: domainMessage(await addDomain(parts, callerOf(context), connectionId, domain)),
  }),
  verifyDomain: async ({ connectionId, domain }, context) => ({
    domain: domainMessage(await verifyDomain(parts, callerOf(context), connectionId, domain)),
  }),
  requireDomain: async ({ connectionId, domain, required }, context) => ({
    domain: domainMessage(await requireDomain(parts, callerOf(context), connectionId, domain, required)),
  }),
  removeDomain: async ({ connectionId, domain }, context) => {
    await removeDomain(parts, callerOf(context), connectionId, domain);
    return {};
  },
  listDomains: async (request, context) => {
    const page = orderedPageOf(context, request, domainOrdering);
    const { rows, next } = page.cut(await parts.tenants.tenant(callerOf(context).orgId, (tx) => listDomains(tx, page)));
    return { domains: rows.map(domainMessage), page: { next } };
  },
});
