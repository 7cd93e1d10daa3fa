import type { ServiceImpl } from '@connectrpc/connect';
import type { MemberService } from '@truffle/api/tenant/v1/account_service';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import { Effect } from '@truffle/api/tenant/v1/account';
import { callerOf, orderedPageOf } from '@truffle/kit';
import { emailsOf } from '../account/account.repo.ts';
import type { TenantParts } from '../parts.ts';
import { bindingMessage } from './binding.codec.ts';
import { bindingOrdering, listBindings } from './binding.repo.ts';
import { giveRole, takeRole } from './binding.usecases.ts';

export const memberRpc = (parts: TenantParts): ServiceImpl<typeof MemberService> => ({
  listBindings: async (request, context) => {
    const page = orderedPageOf(context, request, bindingOrdering);
    const { rows, next } = page.cut(
      await parts.tenants.tenant(callerOf(context).orgId, (tx) => listBindings(tx, page)),
    );
    const emails = await parts.identity.anywhere((tx) =>
      emailsOf(
        tx,
        rows.map((row) => row.subject),
      ),
    );
    return { bindings: rows.map((row) => bindingMessage(row, emails.get(row.subject))), page: { next } };
  },
  setBinding: async (request, context) => {
    const { scopeId, subject, role, roleId, startsAt, expiresAt } = request;
    const row = await giveRole(parts, callerOf(context), {
      scopeId,
      subject,
      email: request.email,
      role,
      roleId,
      effect: request.effect === Effect.DENY ? Effect.DENY : Effect.ALLOW,
      startsAt: startsAt === undefined ? null : timestampDate(startsAt),
      expiresAt: expiresAt === undefined ? null : timestampDate(expiresAt),
    });
    return { binding: bindingMessage(row, request.email.toLowerCase()) };
  },
  deleteBinding: async (request, context) => {
    await takeRole(parts, callerOf(context), request.bindingId);
    return {};
  },
});
