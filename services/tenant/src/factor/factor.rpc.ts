import type { ServiceImpl } from '@connectrpc/connect';
import type { FactorService } from '@truffle/api/tenant/v1/factor_service';
import { callerOf } from '@truffle/kit';
import type { TenantParts } from '../parts.ts';
import { factorMessage } from './factor.codec.ts';
import {
  confirmPasskey,
  confirmTotp,
  listFactors,
  regenerateRecoveryCodes,
  removeFactor,
  startPasskey,
  startTotp,
  type AddedFactor,
} from './factor.usecases.ts';

const addedMessage = ({ row, recoveryCodes }: AddedFactor) => ({
  factor: factorMessage(row),
  recoveryCodes: [...recoveryCodes],
});

export const factorRpc = (parts: TenantParts): ServiceImpl<typeof FactorService> => ({
  listFactors: async (_request, context) => {
    const { rows, recoveryCodesLeft } = await listFactors(parts, callerOf(context));
    return { factors: rows.map(factorMessage), recoveryCodesLeft };
  },
  startTotp: async (request, context) => {
    const { id, secret, uri } = await startTotp(parts, callerOf(context), request.name);
    return { factorId: id, secret, uri };
  },
  confirmTotp: async (request, context) =>
    addedMessage(await confirmTotp(parts, callerOf(context), request.factorId, request.code)),
  startPasskey: async (request, context) => startPasskey(parts, callerOf(context), request.name),
  confirmPasskey: async (request, context) =>
    addedMessage(await confirmPasskey(parts, callerOf(context), request.challenge, request.passkey ?? {})),
  deleteFactor: async (request, context) => {
    await removeFactor(parts, callerOf(context), request.factorId);
    return {};
  },
  regenerateRecoveryCodes: async (_request, context) => ({
    recoveryCodes: [...(await regenerateRecoveryCodes(parts, callerOf(context)))],
  }),
});
