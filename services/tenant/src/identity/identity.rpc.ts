import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import type { IdentityService } from '@truffle/api/tenant/v1/identity_service';
import { callerOf } from '@truffle/kit';
import type { TenantParts } from '../parts.ts';
import { authenticate } from './identity.usecases.ts';
import { resolveScopes } from './scope.usecases.ts';

export const identityRpc = (parts: TenantParts): ServiceImpl<typeof IdentityService> => ({
  authenticate: async (request, context) => {
    const found = await authenticate(parts, callerOf(context), request.credential, request.address);
    return {
      subject: found.subject,
      displayName: found.displayName,
      bindings: [...found.bindings],
      sessionId: found.sessionId,
      addressRules: [...found.addressRules],
      withheld: [...found.withheld],
      providerDemanded: [...(found.providerDemanded ?? [])],
      proofDemanded: [...(found.proofDemanded ?? [])],
      roles: [...found.roles],
      ...(found.acting === undefined ? {} : { acting: found.acting }),
      ...(found.bounds === undefined ? {} : { bounds: found.bounds }),
      ...(found.authenticatedAt === null ? {} : { authenticatedAt: timestampFromDate(found.authenticatedAt) }),
      ...(found.expiresAt === null ? {} : { expiresAt: timestampFromDate(found.expiresAt) }),
    };
  },
  resolveScopes: async (request, context) => ({
    chains: await resolveScopes(parts, callerOf(context).orgId, request.scopeIds),
  }),
});
