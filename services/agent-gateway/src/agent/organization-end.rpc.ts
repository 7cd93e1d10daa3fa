import type { ServiceImpl } from '@connectrpc/connect';
import type { OrganizationEndService } from '@truffle/api/agent/v1/organization_end_service';
import { callerOf } from '@truffle/kit';
import { revokeTokens } from '../join-token/join-token.repo.ts';
import type { GatewayDatabase } from '../tables.ts';
import { agentsInUse } from './agent.repo.ts';

/** As many agents are named to who has to revoke them first. */
const mostNamed = 10;

export const organizationEndRpc = (database: GatewayDatabase): ServiceImpl<typeof OrganizationEndService> => ({
  endEnrolment: async (_request, context) => {
    const { names, count } = await database.tenant(callerOf(context).orgId, async (tx) => {
      // Waits for who is joining: the agents are counted after them.
      await revokeTokens(tx, new Date());
      return agentsInUse(tx, mostNamed);
    });
    return { agents: names, count };
  },
});
