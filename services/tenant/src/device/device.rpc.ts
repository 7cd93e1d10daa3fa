import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import type { DeviceService } from '@truffle/api/tenant/v1/device_service';
import { callerOf } from '@truffle/kit';
import { userMessage } from '../account/account.codec.ts';
import type { TenantParts } from '../parts.ts';
import { replacing } from '../session/replaced.usecases.ts';
import { pollSeconds } from './device.ts';
import {
  approveDeviceLogin,
  beginDeviceLogin,
  denyDeviceLogin,
  findDeviceLogin,
  pollDeviceLogin,
} from './device.usecases.ts';

export const deviceRpc = (parts: TenantParts): ServiceImpl<typeof DeviceService> => ({
  beginDeviceLogin: async (_request, context) => {
    const begun = await beginDeviceLogin(parts, callerOf(context));
    return {
      deviceCode: begun.deviceCode,
      userCode: begun.userCode,
      verificationUrl: begun.verificationUrl,
      verificationUrlComplete: `${begun.verificationUrl}?code=${begun.userCode}`,
      expiresAt: timestampFromDate(begun.expiresAt),
      intervalSeconds: pollSeconds,
    };
  },
  pollDeviceLogin: async ({ deviceCode }, context) => {
    const caller = callerOf(context);
    const made = await pollDeviceLogin(parts, caller, deviceCode);
    const opened = await replacing(parts, caller, context.requestHeader, made);
    return {
      user: userMessage(opened.user),
      sessionToken: opened.sessionToken,
      expiresAt: timestampFromDate(opened.expiresAt),
    };
  },
  getDeviceLogin: async ({ userCode }, context) => {
    const row = await findDeviceLogin(parts, callerOf(context), userCode);
    return {
      address: row.address,
      userAgent: row.user_agent,
      createdAt: timestampFromDate(row.created_at),
      expiresAt: timestampFromDate(row.expires_at),
    };
  },
  approveDeviceLogin: async ({ userCode }, context) => {
    await approveDeviceLogin(parts, callerOf(context), userCode);
    return {};
  },
  denyDeviceLogin: async ({ userCode }, context) => {
    await denyDeviceLogin(parts, callerOf(context), userCode);
    return {};
  },
});
