import { durationMs, timestampDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import type { ApiKeyService } from '@truffle/api/tenant/v1/account_service';
import { callerOf, orderedPageOf } from '@truffle/kit';
import type { TenantParts } from '../parts.ts';
import { apiKeyMessage } from './api-key.codec.ts';
import { keyOrdering, listKeys } from './api-key.repo.ts';
import { createKey, endKey, rotateKey } from './api-key.usecases.ts';

export const apiKeyRpc = (parts: TenantParts): ServiceImpl<typeof ApiKeyService> => ({
  createApiKey: async (request, context) => {
    const expiresAt = request.expiresAt === undefined ? null : timestampDate(request.expiresAt);
    const { row, secret } = await createKey(parts, callerOf(context), {
      scopeId: request.scopeId,
      name: request.name,
      role: request.role,
      expiresAt,
      serviceAccountId: request.serviceAccountId,
      permissions: request.permissions,
      scopeIds: request.scopeIds,
    });
    return { apiKey: apiKeyMessage(row, parts.now()), secret };
  },
  listApiKeys: async (request, context) => {
    const page = orderedPageOf(context, request, keyOrdering);
    const { rows, next } = page.cut(
      await parts.tenants.tenant(callerOf(context).orgId, (tx) => listKeys(tx, request.serviceAccountId, page)),
    );
    return { apiKeys: rows.map((row) => apiKeyMessage(row, parts.now())), page: { next } };
  },
  rotateApiKey: async (request, context) => {
    const overlap = request.overlap === undefined ? 0 : durationMs(request.overlap);
    const { row, secret } = await rotateKey(parts, callerOf(context), request.apiKeyId, overlap);
    return { apiKey: apiKeyMessage(row, parts.now()), secret };
  },
  revokeApiKey: async (request, context) => {
    await endKey(parts, callerOf(context), request.apiKeyId);
    return {};
  },
});
