import { create } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import { OrphanFate } from '@truffle/api/agent/v1/site_command';
import { OrphanSchema, OrphanState, type OrphanService } from '@truffle/api/orchestration/v1/orphan_service';
import { callerOf } from '@truffle/kit';
import { collectOrphans, type OrphanDeps } from './orphan.usecases.ts';

export const orphanRpc = (deps: OrphanDeps): ServiceImpl<typeof OrphanService> => ({
  collectOrphans: async ({ agentId, remove }, context) => ({
    orphans: (await collectOrphans(deps, callerOf(context), agentId, remove)).map((each) =>
      create(OrphanSchema, {
        vmid: each.vmid,
        node: each.node,
        serverId: each.serverId,
        serverName: each.serverName,
        state: states[each.fate],
        reason: each.reason,
        command: each.command,
      }),
    ),
  }),
});

const states: Readonly<Record<OrphanFate, OrphanState>> = {
  [OrphanFate.UNSPECIFIED]: OrphanState.UNSPECIFIED,
  [OrphanFate.WAITING]: OrphanState.FOUND,
  [OrphanFate.LISTED]: OrphanState.FOUND,
  [OrphanFate.REMOVED]: OrphanState.REMOVED,
  [OrphanFate.FAILED]: OrphanState.FAILED,
  [OrphanFate.OPERATOR_REQUIRED]: OrphanState.OPERATOR_REQUIRED,
};
