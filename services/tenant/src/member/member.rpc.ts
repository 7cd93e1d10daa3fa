import type { ServiceImpl } from '@connectrpc/connect';
import type { MemberSessionService } from '@truffle/api/tenant/v1/member_session_service';
import { callerOf } from '@truffle/kit';
import type { TenantParts } from '../parts.ts';
import { signOutMember } from './member.usecases.ts';

export const memberSessionRpc = (parts: TenantParts): ServiceImpl<typeof MemberSessionService> => ({
  signOutMember: async ({ subject, email }, context) => signOutMember(parts, callerOf(context), { subject, email }),
});
