import type { ServiceImpl } from '@connectrpc/connect';
import type { ServiceAccountService } from '@truffle/api/tenant/v1/service_account_service';
import { callerOf, orderedPageOf } from '@truffle/kit';
import type { TenantParts } from '../parts.ts';
import { serviceAccountMessage } from './service-account.codec.ts';
import { listServiceAccounts, serviceAccountOrdering } from './service-account.repo.ts';
import { alterServiceAccount, dropServiceAccount, makeServiceAccount } from './service-account.usecases.ts';

export const serviceAccountRpc = (parts: TenantParts): ServiceImpl<typeof ServiceAccountService> => ({
  createServiceAccount: async ({ name, description }, context) => ({
    serviceAccount: serviceAccountMessage(await makeServiceAccount(parts, callerOf(context), { name, description })),
  }),
  listServiceAccounts: async (request, context) => {
    const page = orderedPageOf(context, request, serviceAccountOrdering);
    const { rows, next } = page.cut(
      await parts.tenants.tenant(callerOf(context).orgId, (tx) => listServiceAccounts(tx, page)),
    );
    return { serviceAccounts: rows.map(serviceAccountMessage), page: { next } };
  },
  updateServiceAccount: async ({ serviceAccountId: id, description, disabled, revision }, context) => ({
    serviceAccount: serviceAccountMessage(
      await alterServiceAccount(parts, callerOf(context), { id, description, disabled, revision }),
    ),
  }),
  deleteServiceAccount: async (request, context) => {
    await dropServiceAccount(parts, callerOf(context), request.serviceAccountId, request.revision);
    return {};
  },
});
