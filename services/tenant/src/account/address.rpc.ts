import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import type { AddressService } from '@truffle/api/tenant/v1/address_service';
import { callerOf } from '@truffle/kit';
import type { TenantParts } from '../parts.ts';
import { replacing } from '../session/replaced.usecases.ts';
import { userMessage } from './account.codec.ts';
import {
  changeAddress,
  confirmAddress,
  keepAddress,
  mailTo,
  resetPassword,
  verifyAddress,
} from './address.usecases.ts';
import { deleteAccount } from './deletion.usecases.ts';
import { completeSignUp } from './sign-up.usecases.ts';

export const addressRpc = (parts: TenantParts): ServiceImpl<typeof AddressService> => ({
  completeSignUp: async (request, context) => {
    const caller = callerOf(context);
    const made = await completeSignUp(parts, caller, request);
    const opened = await replacing(parts, caller, context.requestHeader, made);
    return {
      user: userMessage(opened.user),
      sessionToken: opened.sessionToken,
      expiresAt: timestampFromDate(opened.expiresAt),
    };
  },
  verifyAddress: async (request, context) => {
    await verifyAddress(parts, callerOf(context), request.token);
    return {};
  },
  resendVerification: async (request) => {
    await mailTo(parts, 'verify', request.email);
    return {};
  },
  requestPasswordReset: async (request) => {
    await mailTo(parts, 'reset', request.email);
    return {};
  },
  resetPassword: async (request, context) => {
    await resetPassword(parts, callerOf(context), request.token, request.newPassword);
    return {};
  },
  changeAddress: async (request, context) => {
    await changeAddress(parts, callerOf(context), request.email);
    return {};
  },
  confirmAddress: async (request, context) => {
    await confirmAddress(parts, callerOf(context), request.token);
    return {};
  },
  keepAddress: async (request, context) => {
    await keepAddress(parts, callerOf(context), request.token);
    return {};
  },
  deleteAccount: async (request, context) => {
    await deleteAccount(parts, callerOf(context), request.email);
    return {};
  },
});
