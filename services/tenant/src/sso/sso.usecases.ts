import { appendEvent } from '@truffle/database';
import { bells, NotFoundProblem, PreconditionProblem, UnauthenticatedProblem, type Caller } from '@truffle/kit';
import { accountEvent, authorAs, demandFree, demandPerson } from '../account/person.usecases.ts';
import { bindingsOfSubject } from '../binding/binding.repo.ts';
import { findOpenConnection, type ConnectionRow } from '../connection/connection.repo.ts';
import { secretOf } from '../connection/connection.usecases.ts';
import { domainOf } from '../connection/domain.ts';
import { findVerifiedDomain } from '../connection/domain.repo.ts';
import { rolesOf } from '../connection/mapping.ts';
import type { FlowSecrets, ProviderAnswer, ProviderClient } from '../connection/openid.ts';
import { newCredential, readCredential } from '../credential/credential.ts';
import type { Claims } from '../issuer/token.ts';
import type { TenantParts } from '../parts.ts';
import { openSession, type OpenedSession } from '../session/session.usecases.ts';
import { newFlowSecrets, openFlow, sealFlow } from './flow.secret.ts';
import { insertFlow, takeFlow, type FlowRow } from './flow.repo.ts';
import { deleteIdentity, findIdentityOf, type LinkedIdentityRow } from './linked-identity.repo.ts';
import { admit, applyRoles, link } from './provision.usecases.ts';

const lifetimeMs = 10 * 60_000;

/** A sign-in by a provider under way. */
export interface BegunFlow {
  readonly url: string;
  readonly binding: string;
  readonly expiresAt: Date;
}

/** What came back from the provider, with what the browser kept. */
export interface FlowAnswer extends ProviderAnswer {
  readonly binding: string;
}

/** By what a connection is found. */
export type By = { readonly connectionId: string } | { readonly email: string };

/** Begins a sign-in. It looks at connections and domains, never at accounts. @throws PreconditionProblem where there is no connection */
export async function beginSignIn(parts: TenantParts, by: By, fresh: boolean): Promise<BegunFlow> {
  const connection = await parts.identity.anywhere(async (tx) => {
    if ('connectionId' in by) return findOpenConnection(tx, by.connectionId);
    const domain = await findVerifiedDomain(tx, domainOf(by.email));
    return domain === undefined ? undefined : findOpenConnection(tx, domain.connection_id);
  });
  if (connection === undefined)
    throw new PreconditionProblem(
      'NO_CONNECTION',
      'there is no sign-in by a provider for this; sign in with a password',
    );
  return begin(parts, connection, { fresh, userId: null, loginHint: 'email' in by ? by.email : '' });
}

/** Opens a session for the connection's organization. @throws TokenProblem, LinkRequiredProblem, NotAdmittedProblem */
export async function finishSignIn(
  parts: TenantParts,
  caller: Caller,
  answer: FlowAnswer,
): Promise<OpenedSession & { readonly orgId: string }> {
  const { connection, claims } = await finish(parts, answer, null);
  const { user, identity } = await admit(parts, caller, connection, claims);
  const now = parts.now();
  const origin = { orgId: connection.org_id, connectionId: connection.id, identityId: identity.id };
  const opened = await parts.identity.tenant(user.home_org_id, async (tx) => {
    const session = await openSession(tx, user, caller, now, { ...origin, authenticatedAt: provenAt(claims, now) });
    const data = { sessionId: session.sessionId, proof: 'provider', connectionId: connection.id };
    await appendEvent(tx, authorAs(user, caller), accountEvent(user, 'account.signed_in', data));
    return session;
  });
  parts.bell.ring(bells.mail);
  return { ...opened, orgId: connection.org_id };
}

/** Begins to link the caller's account, by a connection of an organization that they are in. @throws NotFoundProblem */
export async function beginLink(parts: TenantParts, caller: Caller, connectionId: string): Promise<BegunFlow> {
  const { user } = await demandFree(parts, caller);
  const connection = await parts.identity.anywhere(async (tx) => {
    const found = await findOpenConnection(tx, connectionId);
    const bindings = await bindingsOfSubject(tx, `user:${user.id}`);
    return bindings.some((b) => b.org_id === found?.org_id) ? found : undefined;
  });
  if (connection === undefined) throw new NotFoundProblem('connection', connectionId);
  return begin(parts, connection, { fresh: true, userId: user.id, loginHint: '' });
}

/** @throws TokenProblem, LinkRequiredProblem when the provider's person is somebody else's */
export async function finishLink(parts: TenantParts, caller: Caller, answer: FlowAnswer): Promise<LinkedIdentityRow> {
  const { user } = await demandFree(parts, caller);
  const { connection, claims } = await finish(parts, answer, user.id);
  const row = await parts.identity.tenant(connection.org_id, (tx) =>
    link(tx, caller, connection, user, String(claims['sub']), parts.now()),
  );
  await applyRoles(parts, caller, connection, user, rolesOf(connection.mappings, claims));
  return row;
}

/** Takes one of the caller's links away; one that is gone stays so. */
export async function unlink(parts: TenantParts, caller: Caller, id: string): Promise<void> {
  const { user } = await demandPerson(parts, caller);
  const row = await parts.identity.anywhere((tx) => findIdentityOf(tx, user.id, id));
  if (row === undefined) throw new NotFoundProblem('linked identity', id);
  await parts.identity.tenant(row.org_id, async (tx) => {
    await deleteIdentity(tx, id);
    const data = { connectionId: row.connection_id, userId: user.id };
    await appendEvent(tx, authorAs(user, caller), {
      orgId: row.org_id,
      name: 'identity.unlinked',
      resourceId: id,
      data,
    });
  });
  parts.bell.ring(bells.identity);
}

async function begin(
  parts: TenantParts,
  connection: ConnectionRow,
  { fresh, userId, loginHint }: { readonly fresh: boolean; readonly userId: string | null; readonly loginHint: string },
): Promise<BegunFlow> {
  const state = newCredential('tfc');
  const binding = newCredential('tfc');
  const now = parts.now();
  const expiresAt = new Date(now.getTime() + lifetimeMs);
  const client = await clientOf(parts, connection);
  const secrets = newFlowSecrets(state.secret);
  const url = await parts.openid.begin(client, secrets, { fresh, loginHint });
  await parts.identity.anywhere(async (tx) =>
    insertFlow(tx, {
      sealed_secrets: await sealFlow(parts.envelope, tx, state.sha256, secrets),
      state_sha256: state.sha256,
      binding_sha256: binding.sha256,
      connection_id: connection.id,
      connection_revision: connection.revision,
      user_id: userId,
      fresh,
      created_at: now,
      expires_at: expiresAt,
    }),
  );
  return { url, binding: binding.secret, expiresAt };
}

/** The claims of an answer to a flow that this browser (and, for a link, this person) began, which is used up. */
async function finish(
  parts: TenantParts,
  answer: FlowAnswer,
  userId: string | null,
): Promise<{ readonly connection: ConnectionRow; readonly claims: Claims }> {
  const { flow, secrets } = (await take(parts, answer, userId)) ?? {};
  const connection = await parts.identity.anywhere((tx) => findOpenConnection(tx, flow?.connection_id ?? ''));
  // A connection that was changed meanwhile is not the one that was gone to.
  if (
    flow === undefined ||
    secrets === undefined ||
    connection === undefined ||
    connection.revision !== flow.connection_revision
  )
    throw new UnauthenticatedProblem(
      'FLOW_NOT_GOOD',
      'this sign-in was not begun here, was used, or has ended; begin again',
    );
  const client = await clientOf(parts, connection);
  const claims = await parts.openid.finish(client, secrets, answer, flow.fresh);
  return { connection, claims };
}

async function take(
  parts: TenantParts,
  answer: FlowAnswer,
  userId: string | null,
): Promise<{ readonly flow: FlowRow; readonly secrets: FlowSecrets } | undefined> {
  const state = readCredential(answer.state);
  const binding = readCredential(answer.binding);
  if (state?.kind !== 'tfc' || binding?.kind !== 'tfc') return undefined;
  return parts.identity.anywhere(async (tx) => {
    const flow = await takeFlow(tx, state.sha256, binding.sha256, userId, parts.now());
    return flow && { flow, secrets: await openFlow(parts.envelope, tx, flow, answer.state) };
  });
}

const clientOf = async (parts: TenantParts, connection: ConnectionRow): Promise<ProviderClient> => ({
  issuer: connection.issuer,
  clientId: connection.client_id,
  clientSecret: await secretOf(parts, connection),
  scopes: connection.scopes,
});

/** When the provider last saw a proof of who the person is. One that does not say opens nothing dangerous. */
export const provenAt = (claims: Claims, now: Date): Date => {
  const at = claims['auth_time'];
  return new Date(typeof at === 'number' && at > 0 ? Math.min(at * 1000, now.getTime()) : 0);
};
