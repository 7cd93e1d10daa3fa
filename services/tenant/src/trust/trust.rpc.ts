import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import type { TrustService } from '@truffle/api/tenant/v1/trust_service';
import { callerOf, orderedPageOf } from '@truffle/kit';
import type { TenantParts } from '../parts.ts';
import { tokenMessage, trustMessage } from './trust.codec.ts';
import { listTokens, listTrusts, tokenOrdering, trustOrdering } from './trust.repo.ts';
import { createTrust, endToken, endTrust, exchange } from './trust.usecases.ts';

export const trustRpc = (parts: TenantParts): ServiceImpl<typeof TrustService> => ({
  createTrust: async (request, context) => ({
    trust: trustMessage(await createTrust(parts, callerOf(context), request)),
  }),
  listTrusts: async (request, context) => {
    const page = orderedPageOf(context, request, trustOrdering);
    const { rows, next } = page.cut(await parts.tenants.tenant(callerOf(context).orgId, (tx) => listTrusts(tx, page)));
    return { trusts: rows.map(trustMessage), page: { next } };
  },
  revokeTrust: async ({ trustId }, context) => {
    await endTrust(parts, callerOf(context), trustId);
    return {};
  },
  listWorkloadTokens: async (request, context) => {
    const page = orderedPageOf(context, request, tokenOrdering);
    const { rows, next } = page.cut(
      await parts.tenants.tenant(callerOf(context).orgId, (tx) => listTokens(tx, request.trustId, page)),
    );
    return { tokens: rows.map(tokenMessage), page: { next } };
  },
  revokeWorkloadToken: async ({ trustId, tokenId }, context) => {
    await endToken(parts, callerOf(context), trustId, tokenId);
    return {};
  },
  exchangeToken: async ({ trustId, subjectToken }, context) => {
    const { secret, expiresAt } = await exchange(parts, callerOf(context), trustId, subjectToken);
    return { accessToken: secret, expiresAt: timestampFromDate(expiresAt) };
  },
});
