import { durationMs, timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import type { ImpersonationService } from '@truffle/api/tenant/v1/impersonation_service';
import { callerOf } from '@truffle/kit';
import type { TenantParts } from '../parts.ts';
import { endImpersonation, startImpersonation } from './impersonation.usecases.ts';

export const impersonationRpc = (parts: TenantParts): ServiceImpl<typeof ImpersonationService> => ({
  startImpersonation: async ({ email, reason, lifetime }, context) => {
    const lifetimeMs = lifetime === undefined ? 0 : durationMs(lifetime);
    const opened = await startImpersonation(parts, callerOf(context), { email, reason, lifetimeMs });
    return { ...opened, expiresAt: timestampFromDate(opened.expiresAt) };
  },
  endImpersonation: async ({ sessionId }, context) => {
    const caller = callerOf(context);
    await endImpersonation(parts, caller, caller.orgId, sessionId);
    return {};
  },
});
