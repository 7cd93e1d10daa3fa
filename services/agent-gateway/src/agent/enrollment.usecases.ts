import { Code } from '@connectrpc/connect';
import type { EnrollRequest } from '@truffle/api/agent/v1/agent_service';
import type { CommandKeySet } from '@truffle/api/agent/v1/command';
import { appendEvent, databaseErrorCode, type EventAuthor } from '@truffle/database';
import { newId } from '@truffle/ids';
import {
  AlreadyExistsProblem,
  authorOf,
  InvalidProblem,
  Problem,
  UnauthenticatedProblem,
  type Caller,
} from '@truffle/kit';
import { enrolmentWords } from '@truffle/sealing';
import type { Authorities } from '../authority/authorities.ts';
import { CertificateRequestError, keyOfRequest } from '../authority/authority.ts';
import { consume, hashOf, joinTokenPace, newJoinToken } from '../join-token/join-token.ts';
import { findToken, insertToken, lockToken, updateToken } from '../join-token/join-token.repo.ts';
import type { GatewayDatabase, Tx } from '../tables.ts';
import { enrolAgain, enrolNew, findByName } from './agent.enrol.repo.ts';
import { revokeAgent } from './agent.revoke.ts';

export interface EnrollmentParts {
  readonly database: GatewayDatabase;
  readonly sweepDatabase: GatewayDatabase;
  readonly authorities: Authorities;
  readonly certificateMs: number;
  /** How often an agent may recover by its identity key in 30 days before a person has to release it. */
  readonly recoveriesPerMonth: number;
  readonly region: string;
  /** The keys of commands, to be pinned. @throws CommandKeysUnknownProblem */
  readonly commandKeys: () => Promise<CommandKeySet>;
  /** @throws Problem when the organization lets no agent in from this address */
  readonly demandAddress: (from: { readonly orgId: string; readonly address: string }) => Promise<void>;
  /** Tells every gateway that an agent was revoked. */
  readonly revoked: (agentId: string) => void;
  /** An agent was put in quarantine elsewhere than on its stream: people and gateways are to be told. */
  readonly quarantined: (
    agent: { readonly orgId: string; readonly agentId: string },
    why: { readonly reason: string; readonly message: string },
  ) => void;
}

export interface Enrolled {
  readonly orgId: string;
  readonly agentId: string;
  readonly certificate: Buffer;
  /** A person has to approve the agent before it gets work. */
  readonly pending: boolean;
}

export interface MadeToken {
  readonly token: string;
  readonly expiresAt: Date;
}

/** Makes a token for an agent of that name; when there is one, the token enrols it anew. With `requireApproval` the agent waits for a person. */
export async function createJoinToken(
  parts: Pick<EnrollmentParts, 'database'>,
  caller: Caller,
  agentName: string,
  requireApproval = false,
): Promise<MadeToken> {
  const token = newJoinToken();
  const id = newId('jtk');
  const expiresAt = new Date(Date.now() + joinTokenPace.lifetimeMs);
  await parts.database.tenant(caller.orgId, async (tx) => {
    await insertToken(tx, {
      org_id: caller.orgId,
      id,
      agent_name: agentName,
      token_sha256: hashOf(token),
      expires_at: expiresAt,
      require_approval: requireApproval,
    });
    await appendEvent(tx, authorOf(caller), {
      orgId: caller.orgId,
      name: 'join_token.created',
      resourceId: id,
      data: { after: { agentName, expiresAt: expiresAt.toISOString(), requireApproval } },
    });
  });
  return { token, expiresAt };
}

type Verdict =
  | { readonly kind: 'enrolled'; readonly enrolled: Enrolled }
  | { readonly kind: 'refused' }
  | { readonly kind: 'theft'; readonly agentId: string | null };

/** Exchanges a token and a certificate request for a certificate. The tenant is the token's. */
export async function enroll(parts: EnrollmentParts, caller: Caller, request: EnrollRequest): Promise<Enrolled> {
  const tokenSha256 = hashOf(request.token);
  const found = await parts.sweepDatabase.anywhere((tx) => findToken(tx, tokenSha256));
  if (found === undefined) throw refused();
  await parts.demandAddress({ orgId: found.org_id, address: caller.address });
  try {
    const verdict = await parts.database.tenant(found.org_id, (tx) => exchange(parts, tx, caller, found, request));
    if (verdict.kind === 'enrolled') return verdict.enrolled;
    if (verdict.kind === 'theft' && verdict.agentId !== null) parts.revoked(verdict.agentId);
    throw refused();
  } catch (error) {
    if (error instanceof CertificateRequestError)
      throw new InvalidProblem([{ field: 'csr', description: error.message, reason: error.code }]);
    if (databaseErrorCode(error) === '23505') throw new AlreadyExistsProblem('agent', 'of that name', 'token');
    throw error;
  }
}

async function exchange(
  parts: EnrollmentParts,
  tx: Tx,
  caller: Caller,
  found: { readonly org_id: string; readonly id: string },
  request: EnrollRequest,
): Promise<Verdict> {
  const csrSha256 = hashOf(request.csr);
  const token = await lockToken(tx, found.id);
  const orgId = found.org_id;
  const way = consume(
    { expiresAt: token.expires_at, usedAt: token.used_at, revokedAt: token.revoked_at, csrSha256: token.csr_sha256 },
    csrSha256,
    new Date(),
  );
  switch (way) {
    case 'refuse':
      return { kind: 'refused' };
    case 'repeat':
      if (token.agent_id === null || token.certificate === null) return { kind: 'refused' };
      return {
        kind: 'enrolled',
        enrolled: { orgId, agentId: token.agent_id, certificate: token.certificate, pending: token.require_approval },
      };
    case 'theft': {
      const author: EventAuthor = authorOf(caller);
      await updateToken(tx, token.id, { revoked_at: new Date() });
      await appendEvent(tx, author, {
        orgId,
        name: 'join_token.misused',
        resourceId: token.id,
        data: { agentId: token.agent_id },
      });
      if (token.agent_id !== null)
        await revokeAgent(tx, author, orgId, token.agent_id, 'its join token was used twice');
      return { kind: 'theft', agentId: token.agent_id };
    }
    case 'enrol':
      return {
        kind: 'enrolled',
        enrolled: await issue(
          parts,
          tx,
          caller,
          { orgId, token: token.id, name: token.agent_name, requireApproval: token.require_approval },
          request,
          csrSha256,
        ),
      };
  }
}

async function issue(
  parts: EnrollmentParts,
  tx: Tx,
  caller: Caller,
  about: {
    readonly orgId: string;
    readonly token: string;
    readonly name: string;
    readonly requireApproval: boolean;
  },
  request: EnrollRequest,
  csrSha256: Buffer,
): Promise<Enrolled> {
  const { orgId } = about;
  const before = await findByName(tx, about.name);
  const agentId = before?.id ?? newId('agt');
  const issued = await parts.authorities.issueAgent(request.csr, { orgId, agentId }, parts.certificateMs);
  const { der: certificate, serial } = issued;
  const words = about.requireApproval
    ? enrolmentWords({
        mtls: await keyOfRequest(request.csr),
        identity: request.identityPublicKey,
        sealing: request.sealingPublicKey,
      })
    : null;
  const keys = {
    version: request.version,
    sealing_public_key: Buffer.from(request.sealingPublicKey),
    identity_public_key: Buffer.from(request.identityPublicKey),
    certificate_serial: serial,
    certificate_ends: issued.ends,
    enrolment_words: words,
  };
  if (before === undefined)
    await enrolNew(tx, { org_id: orgId, id: agentId, name: about.name, region: parts.region, ...keys });
  else await enrolAgain(tx, agentId, keys);
  await updateToken(tx, about.token, { used_at: new Date(), csr_sha256: csrSha256, agent_id: agentId, certificate });
  await appendEvent(
    tx,
    { subject: `agent:${agentId}`, requestId: caller.requestId, traceparent: caller.traceparent },
    {
      orgId,
      name: 'agent.enrolled',
      resourceId: agentId,
      data: {
        ...(before === undefined ? {} : { before: { state: before.state } }),
        after: { name: about.name, serial, version: request.version, approval: words === null ? 'none' : 'pending' },
      },
    },
  );
  return { orgId, agentId, certificate, pending: about.requireApproval };
}

/** One answer for every token that is no good: nothing is learned by guessing. */
const refused = (): Problem =>
  new UnauthenticatedProblem(
    'JOIN_TOKEN_INVALID',
    'the join token is wrong, used or ended; make a new one and run the join again',
  );

/** The agent is there but cannot be talked to now. */
export class AgentOfflineProblem extends Problem {
  override readonly name = 'AgentOfflineProblem';
  constructor(agentId: string, state: string, since: Date) {
    super(
      Code.Unavailable,
      'AGENT_OFFLINE',
      `agent ${agentId} is ${state.toLowerCase()} since ${since.toISOString()}`,
      { parameters: { agentId, state, since: since.toISOString() } },
    );
  }
}
