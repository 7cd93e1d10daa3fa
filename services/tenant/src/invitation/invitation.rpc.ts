import type { ServiceImpl } from '@connectrpc/connect';
import type { InvitationService } from '@truffle/api/tenant/v1/invitation_service';
import { callerOf, orderedPageOf } from '@truffle/kit';
import { bindingMessage } from '../binding/binding.codec.ts';
import type { TenantParts } from '../parts.ts';
import { accept } from './accept.usecases.ts';
import { invitationMessage } from './invitation.codec.ts';
import { listInvitations, invitationOrdering } from './invitation.repo.ts';
import { invite, revokeInvitation } from './invitation.usecases.ts';

export const invitationRpc = (parts: TenantParts): ServiceImpl<typeof InvitationService> => ({
  createInvitation: async (request, context) => ({
    invitation: invitationMessage(await invite(parts, callerOf(context), request.scopeId, request.email, request)),
  }),
  listInvitations: async (request, context) => {
    const page = orderedPageOf(context, request, invitationOrdering);
    const { rows, next } = page.cut(
      await parts.tenants.tenant(callerOf(context).orgId, (tx) => listInvitations(tx, page)),
    );
    return { invitations: rows.map(invitationMessage), page: { next } };
  },
  revokeInvitation: async (request, context) => {
    await revokeInvitation(parts, callerOf(context), request.invitationId);
    return {};
  },
  acceptInvitation: async (request, context) => ({
    binding: bindingMessage(await accept(parts, callerOf(context), request.token)),
  }),
});
