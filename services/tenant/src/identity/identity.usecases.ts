import type { AddressRule } from '@truffle/api/tenant/v1/allowlist';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { Role, type Binding } from '@truffle/api/tenant/v1/account';
import type { ActingPersonSchema } from '@truffle/api/tenant/v1/identity_service';
import type { Transaction } from '@truffle/database';
import { deriveId } from '@truffle/ids';
import { allows, Problem, UnauthenticatedProblem, type Caller } from '@truffle/kit';
import { findProviderDemanding } from '../connection/domain.repo.ts';
import type { AllowlistKind } from '../allowlist/allowlist.ts';
import { rangesOf } from '../allowlist/allowlist.repo.ts';
import { findGoodKey, touchKey, type GoodKey } from '../api-key/api-key.repo.ts';
import { grantOf } from '../binding/binding.ts';
import { bindingMessage } from '../binding/binding.codec.ts';
import { demandingOrganizations, bindingsOfSubject } from '../binding/binding.repo.ts';
import { readCredential } from '../credential/credential.ts';
import { hasFactor } from '../factor/factor.repo.ts';
import { proofDemanding } from '../member/member.repo.ts';
import { findOwnGood } from '../impersonation/impersonation.repo.ts';
import { isJwt } from '../issuer/token.ts';
import type { TenantParts } from '../parts.ts';
import type { TenantTables } from '../tables.ts';
import { useResolution } from '../session/session.ts';
import { findGoodSession, touchSession, type SessionRow } from '../session/session.repo.ts';
import { bearerOf, type Bearer } from '../sso/bearer.usecases.ts';
import { isLinkOpen } from '../sso/linked-identity.repo.ts';
import { provenAt } from '../sso/sso.usecases.ts';
import { findByToken } from '../trust/trust.repo.ts';
import { labelOf, workloadSubject } from '../trust/trust.usecases.ts';
import { bindingsOfKey, bindingsOfTrust, rolesOf, type Held } from './held.ts';

export interface Identity extends Held {
  readonly subject: string;
  readonly displayName: string;
  readonly expiresAt: Date | null;
  /** Who acts as the subject; missing for the subject itself. */
  readonly acting?: MessageInitShape<typeof ActingPersonSchema>;
  /** Empty for a key. */
  readonly sessionId: string;
  /** Where such a credential may be used from, in those of its organizations that say. */
  readonly addressRules: readonly Omit<AddressRule, '$typeName'>[];
  /** When the person last proved who they are; null for a key. */
  readonly authenticatedAt: Date | null;
  /** Bindings in organizations that demand a second factor which the person has not, their provider, or a new proof. */
  readonly withheld: readonly Binding[];
  /** Those of them that demand their provider. */
  readonly providerDemanded?: readonly string[];
  /** Those of them that ended the person's sessions, and demand a new proof of who they are. */
  readonly proofDemanded?: readonly string[];
}

/** Whose credential this is. @throws UnauthenticatedProblem for one that is wrong, ended, revoked or of a deleted organization */
export async function authenticate(
  parts: TenantParts,
  caller: Caller,
  credential: string,
  address: string,
): Promise<Identity> {
  if (isJwt(credential)) return byBearer(parts, caller, credential);
  const read = readCredential(credential);
  if (read?.kind === 'tfs') return bySession(parts, read.sha256);
  if (read?.kind === 'tfk') return byKey(parts, read.sha256, address);
  if (read?.kind === 'tfw') return byWorkload(parts, read.sha256);
  throw refused();
}

async function bySession(parts: TenantParts, sha256: Buffer): Promise<Identity> {
  const now = parts.now();
  return parts.identity.anywhere(async (tx) => {
    const session = await findGoodSession(tx, sha256, now);
    if (session === undefined) throw refused();
    if (session.connection_id !== null && !(await isLinkOpen(tx, session.connection_id, session.identity_id ?? '')))
      throw refused();
    if (now.getTime() - session.last_seen_at.getTime() >= useResolution) await touchSession(tx, session.id, now);
    const { acting_id: actingId } = session;
    return {
      ...(await person(parts, tx, session.user_id, reachOf(session))),
      ...(actingId === null ? {} : { acting: await actingPerson(parts, tx, session, now) }),
      displayName: session.user_name,
      expiresAt: session.expires_at,
      sessionId: session.id,
      // Nobody who acts as somebody has proven to be them.
      authenticatedAt: actingId === null ? session.authenticated_at : null,
    };
  });
}

/**
 * Who acts as the person of a session: for as long as their own session is good and they may still act as others there.
 * @throws UnauthenticatedProblem
 */
async function actingPerson(
  parts: TenantParts,
  tx: Transaction<TenantTables>,
  { acting_id, acting_session_id, confined_to }: SessionRow,
  now: Date,
): Promise<MessageInitShape<typeof ActingPersonSchema>> {
  const [userId, orgId] = [acting_id ?? '', confined_to ?? ''];
  const own = await findOwnGood(tx, userId, acting_session_id ?? '', now);
  if (own === undefined) throw refused();
  const { subject, bindings: all, roles } = await person(parts, tx, userId, reachOf(own));
  const bindings = all.filter((each) => each.orgId === orgId);
  const admitted = new Set(bindings.map((each) => each.id));
  const grants = (await bindingsOfSubject(tx, subject)).filter((row) => admitted.has(row.id)).map(grantOf);
  if (!allows(grants, 'impersonation.create', { orgId }, now.getTime())) throw refused();
  return { subject, displayName: own.user_name, bindings, roles: [...roles] };
}

/** What a person's credential reaches. */
interface Reach {
  /** The organization that it is for alone; null for all of the person's. */
  readonly confinedTo: string | null;
  /** When the person last proved who they are by it; null where that is not asked: what is for one organization ends with its word. */
  readonly provenAt: Date | null;
}

const reachOf = ({ confined_to, authenticated_at }: SessionRow): Reach => ({
  confinedTo: confined_to,
  provenAt: confined_to === null ? authenticated_at : null,
});

/** What a person may do by a credential. */
async function person(
  parts: TenantParts,
  tx: Transaction<TenantTables>,
  userId: string,
  { confinedTo, provenAt: proven }: Reach,
): Promise<Omit<Identity, 'displayName' | 'expiresAt' | 'sessionId' | 'authenticatedAt'>> {
  const subject = `user:${userId}`;
  const rows = (await bindingsOfSubject(tx, subject)).filter((row) => confinedTo === null || row.org_id === confinedTo);
  const all = rows.map((row) => bindingMessage(row));
  const demanding = new Set(await demandingOrganizations(tx, subject));
  if (demanding.size > 0 && (await hasFactor(tx, userId))) demanding.clear();
  // A session that a provider opened is for that provider's organization alone.
  const byProvider = confinedTo === null ? await findProviderDemanding(tx, userId) : undefined;
  // Its owners are let in still, as at a sign-in: a provider that is broken locks nobody out for good.
  const isOwner = rows.some((row) => row.scope_id === byProvider && row.role === Role.OWNER);
  const providerDemanded = byProvider === undefined || isOwner ? [] : [byProvider];
  const proofDemanded = proven === null ? [] : await proofDemanding(tx, userId, proven);
  for (const orgId of [...providerDemanded, ...proofDemanded]) demanding.add(orgId);
  return {
    subject,
    bindings: all.filter((b) => !demanding.has(b.orgId)),
    withheld: all.filter((b) => demanding.has(b.orgId)),
    providerDemanded,
    proofDemanded,
    addressRules: await addressRulesOf(parts, tx, all, 'sessions'),
    roles: rolesOf(rows),
    bounds: undefined,
  };
}

/** By an access token of a connection's provider. Like a session it is a person's, so that dangerous actions want a fresh proof. */
async function byBearer(parts: TenantParts, caller: Caller, jwt: string): Promise<Identity> {
  let bearer: Bearer | undefined;
  try {
    bearer = await bearerOf(parts, caller, jwt);
  } catch (error) {
    if (error instanceof Problem) throw refused();
    throw error;
  }
  if (bearer === undefined) throw refused();
  const { user, connection, claims } = bearer;
  // The provider made it at that moment; it outlives no word of the organization.
  const reach = { confinedTo: connection.org_id, provenAt: new Date(Number(claims['iat'] ?? 0) * 1000) };
  const known = await parts.identity.anywhere((tx) => person(parts, tx, user.id, reach));
  return {
    ...known,
    displayName: user.name,
    expiresAt: new Date(Number(claims['exp']) * 1000),
    sessionId: deriveId(
      'ses',
      connection.id,
      ...['sub', 'sid', 'jti'].map((name) => JSON.stringify(claims[name] ?? '')),
    ),
    authenticatedAt: provenAt(claims, parts.now()),
  };
}

async function byWorkload(parts: TenantParts, sha256: Buffer): Promise<Identity> {
  return parts.identity.anywhere(async (tx) => {
    const trust = await findByToken(tx, sha256, parts.now());
    if (trust === undefined) throw refused();
    const subject = workloadSubject(trust);
    const of = await bindingsOfTrust(tx, trust);
    return {
      subject,
      displayName: labelOf(trust, trust.workload),
      ...of,
      expiresAt: trust.ends_at,
      sessionId: '',
      // A program's credential, as a key is.
      addressRules: await addressRulesOf(parts, tx, of.bindings, 'api_keys'),
      authenticatedAt: null,
      withheld: [],
      bounds: undefined,
    };
  });
}

async function byKey(parts: TenantParts, sha256: Buffer, address: string): Promise<Identity> {
  const now = parts.now();
  return parts.identity.anywhere(async (tx) => {
    const key = await findGoodKey(tx, sha256, now);
    if (key === undefined) throw refused();
    if (now.getTime() - (key.last_used_at?.getTime() ?? 0) >= useResolution) await touchKey(tx, key.id, now, address);
    const of = await bindingsOfKey(tx, key);
    return {
      subject: `key:${key.id}`,
      displayName: nameOf(key),
      ...of,
      expiresAt: key.expires_at,
      sessionId: '',
      addressRules: await addressRulesOf(parts, tx, of.bindings, 'api_keys'),
      authenticatedAt: null,
      withheld: [],
    };
  });
}

async function addressRulesOf(
  parts: TenantParts,
  tx: Transaction<TenantTables>,
  bindings: readonly Binding[],
  kind: Exclude<AllowlistKind, 'agents'>,
): Promise<Identity['addressRules']> {
  const orgIds = [...new Set(bindings.map((binding) => binding.orgId))];
  const found = await rangesOf(
    tx,
    orgIds.filter((orgId) => !parts.suspendedAllowlists.has(orgId)),
    kind,
  );
  return found.map(({ orgId, ranges }) => ({ orgId, ranges: ranges.map((range) => range.cidr) }));
}

const nameOf = ({ name, service_account_name: account }: GoodKey): string =>
  account === null ? name : `${account}/${name}`;

const refused = (): UnauthenticatedProblem =>
  new UnauthenticatedProblem('INVALID_CREDENTIAL', 'the credential is wrong, ended or revoked');
