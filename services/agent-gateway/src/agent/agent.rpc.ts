import { create } from '@bufbuild/protobuf';
import { durationFromMs, timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import {
  ApproveAgentResponseSchema,
  CreateJoinTokenResponseSchema,
  DeleteAgentResponseSchema,
  EnrollResponseSchema,
  GetAgentResponseSchema,
  ListAgentsResponseSchema,
  PingAgentResponseSchema,
  ReleaseAgentResponseSchema,
  type AgentService,
  type EnrollmentService,
} from '@truffle/api/agent/v1/agent_service';
import { allows, callerOf, holdsInPart, InvalidProblem, orderedPageOf, scopeOf, viewOf } from '@truffle/kit';
import { serverName } from '../authority/authority.ts';
import { agentOf, sharedAgentOf } from './agent.codec.ts';
import { agentOrdering } from './agent.repo.ts';
import {
  admitAgent,
  deleteAgent,
  freeAgent,
  getAgent,
  pageOfAgents,
  pingAgent,
  type AgentParts,
  type AgentView,
} from './agent.usecases.ts';
import { createJoinToken, enroll, type EnrollmentParts } from './enrollment.usecases.ts';

/** Who is not shown versions may not learn them from an order. */
const hiddenOrder = (): InvalidProblem =>
  new InvalidProblem([
    { field: 'order_by', description: 'you are not shown versions: order by name or state', reason: 'UNKNOWN_ORDER' },
  ]);

export const agentRpc = (parts: AgentParts, enrollment: EnrollmentParts): ServiceImpl<typeof AgentService> => ({
  createJoinToken: async (request, context) => {
    const { token, expiresAt } = await createJoinToken(
      enrollment,
      callerOf(context),
      request.agentName,
      request.requireApproval,
    );
    return create(CreateJoinTokenResponseSchema, {
      token,
      expiresAt: timestampFromDate(expiresAt),
      caPin: enrollment.authorities.pins,
    });
  },
  getAgent: async (request, context) => {
    const caller = callerOf(context);
    const agent = await getAgent(parts, caller.orgId, request.agentId);
    const whole = allows(caller.bindings, 'agent.get', scopeOf(caller), Date.now());
    return create(GetAgentResponseSchema, { agent: whole ? wholeOf(agent) : sharedAgentOf(agent.row) });
  },
  listAgents: async (request, context) => {
    const caller = callerOf(context);
    const now = Date.now();
    const seen = viewOf(caller.bindings, 'agent.list', scopeOf(caller), now);
    const shared = holdsInPart(caller.bindings, 'agent.list', scopeOf(caller), now);
    const page = orderedPageOf(context, request, agentOrdering);
    if (shared && !seen.everything && page.order.field === 'version') throw hiddenOrder();
    const listed = { name: request.name, seen: shared ? { ...seen, everything: true } : seen };
    const { agents, next } = await pageOfAgents(parts, caller.orgId, listed, page);
    const isWhole = ({ row }: AgentView): boolean => seen.everything || seen.only.includes(row.id);
    return create(ListAgentsResponseSchema, {
      agents: agents.map((each) =>
        isWhole(each) ? agentOf(each.row, each.openCommands, false, each.quarantine) : sharedAgentOf(each.row),
      ),
      page: { next },
    });
  },
  deleteAgent: async (request, context) => {
    await deleteAgent(parts, callerOf(context), request.agentId, request.revision);
    return create(DeleteAgentResponseSchema);
  },
  releaseAgent: async (request, context) =>
    create(ReleaseAgentResponseSchema, { agent: wholeOf(await freeAgent(parts, callerOf(context), request)) }),
  approveAgent: async (request, context) =>
    create(ApproveAgentResponseSchema, { agent: wholeOf(await admitAgent(parts, callerOf(context), request)) }),
  pingAgent: async (request, context) =>
    create(PingAgentResponseSchema, {
      roundTrip: durationFromMs(Math.round(await pingAgent(parts, callerOf(context), request.agentId))),
    }),
});

const wholeOf = ({ row, openCommands, quarantine }: AgentView) => agentOf(row, openCommands, true, quarantine);

/** How an agent comes to have a certificate; `endpoints` is where it dials then. */
export const enrollmentRpc = (
  parts: EnrollmentParts,
  endpoints: () => readonly string[],
): ServiceImpl<typeof EnrollmentService> => ({
  enroll: async (request, context) => {
    const commandKeys = await parts.commandKeys();
    const { orgId, agentId, certificate, pending } = await enroll(parts, callerOf(context), request);
    return create(EnrollResponseSchema, {
      orgId,
      agentId,
      certificate,
      authorities: parts.authorities.ders,
      endpoints: [...endpoints()],
      serverName,
      commandKeys,
      approvalPending: pending,
    });
  },
});
