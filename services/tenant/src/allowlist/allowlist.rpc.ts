import { timestampDate, timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import type { AddressRuleService, AllowlistService } from '@truffle/api/tenant/v1/allowlist_service';
import { callerOf } from '@truffle/kit';
import type { TenantParts } from '../parts.ts';
import { allowlistMessage } from './allowlist.codec.ts';
import { agentRanges, findAllowlist } from './allowlist.repo.ts';
import { setAllowlist } from './allowlist.usecases.ts';

const pageSize = 500;

export const allowlistRpc = (parts: TenantParts): ServiceImpl<typeof AllowlistService> => ({
  getAllowlist: async (_request, context) => {
    const { orgId, address } = callerOf(context);
    const row = await parts.tenants.tenant(orgId, findAllowlist);
    return { allowlist: allowlistMessage(orgId, row), callerAddress: address };
  },
  setAllowlist: async ({ sessions, apiKeys, agents, revision, force }, context) => {
    const caller = callerOf(context);
    const row = await setAllowlist(parts, caller, { lists: { sessions, api_keys: apiKeys, agents }, revision, force });
    return { allowlist: allowlistMessage(caller.orgId, row), callerAddress: caller.address };
  },
});

export const addressRuleRpc = (parts: TenantParts): ServiceImpl<typeof AddressRuleService> => ({
  listAgentAddressRules: async ({ since, afterOrgId }) => {
    const { rows, now } = await parts.identity.anywhere((tx) =>
      agentRanges(tx, since === undefined ? undefined : timestampDate(since), afterOrgId, pageSize + 1),
    );
    return {
      rules: rows
        .slice(0, pageSize)
        .map((row) => ({ orgId: row.org_id, ranges: row.agents.map((range) => range.cidr) })),
      more: rows.length > pageSize,
      now: timestampFromDate(now),
    };
  },
});
