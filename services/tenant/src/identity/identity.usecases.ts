import type { AddressRule } from '@truffle/api/tenant/v1/allowlist';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ApiKey, Binding, User } from '@truffle/api/tenant/v1/account';
import type { CredentialBoundsSchema, RolePermissionsSchema } from '@truffle/api/tenant/v1/identity_service';
import type { Trust } from '@truffle/api/tenant/v1/trust';
import { deriveId } from '@truffle/ids';
import { Problem, UnauthenticatedProblem, type Caller } from '@truffle/kit';
import { userMessage } from '../account/account.codec.ts';
import { findUser } from '../account/account.repo.ts';
import type { AllowlistKind } from '../allowlist/allowlist.ts';
import { rangesOf } from '../allowlist/allowlist.repo.ts';
import { apiKeyMessage } from '../api-key/api-key.codec.ts';
import { findGoodKey, findKey, touchKey, type ApiKeyRow, type GoodKey } from '../api-key/api-key.repo.ts';
import { bindingMessage, keyBindingMessage, placedBindingMessage } from '../binding/binding.codec.ts';
import { demandingOrganizations, bindingsOfSubject, type BindingView } from '../binding/binding.repo.ts';
import type { Transaction } from '@truffle/database';
import { readCredential } from '../credential/credential.ts';
import { hasFactor } from '../factor/factor.repo.ts';
import { isJwt } from '../issuer/token.ts';
import type { TenantParts } from '../parts.ts';
import type { TenantTables } from '../tables.ts';
import { useResolution } from '../session/session.ts';
import { findGoodSession, touchSession } from '../session/session.repo.ts';
import { bearerOf, type Bearer } from '../sso/bearer.usecases.ts';
import { isLinkOpen } from '../sso/linked-identity.repo.ts';
import { provenAt } from '../sso/sso.usecases.ts';
import { trustMessage } from '../trust/trust.codec.ts';
import { findByToken, findOpenTrust } from '../trust/trust.repo.ts';
import { labelOf } from '../trust/trust.usecases.ts';

export interface Identity {
  readonly subject: string;
  readonly displayName: string;
  readonly bindings: readonly Binding[];
  readonly expiresAt: Date | null;
  /** Empty for a key. */
  readonly sessionId: string;
  /** Where such a credential may be used from, in those of its organizations that say. */
  readonly addressRules: readonly Omit<AddressRule, '$typeName'>[];
  /** When the person last proved who they are; null for a key. */
  readonly authenticatedAt: Date | null;
  /** Bindings in organizations that demand a second factor which the person has not. */
  readonly withheld: readonly Binding[];
  /** The custom roles that the bindings name. */
  readonly roles: readonly MessageInitShape<typeof RolePermissionsSchema>[];
  /** What a key of a service account is narrowed to. */
  readonly bounds: MessageInitShape<typeof CredentialBoundsSchema> | undefined;
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

/** Who a subject is and what it may do: the person or the key, and its bindings. */
export async function whoIs(
  parts: TenantParts,
  { subject, bindings, withheld = [] }: Pick<Caller, 'subject' | 'bindings' | 'withheld'>,
): Promise<{ user?: User; apiKey?: ApiKey; trust?: Trust; bindings: Binding[] }> {
  const [kind, id = ''] = subject.split(':');
  // A session that is for one organization does not tell of the others.
  const seen = new Set([...bindings, ...withheld].map((b) => b.orgId));
  return parts.identity.anywhere(async (tx) => {
    if (kind === 'key') {
      const key = await findKey(tx, id);
      return key === undefined
        ? { bindings: [] }
        : { apiKey: apiKeyMessage(key, parts.now()), bindings: (await bindingsOfKey(tx, key)).bindings };
    }
    if (kind === 'trust') {
      const trust = await findOpenTrust(tx, id);
      return trust === undefined
        ? { bindings: [] }
        : { trust: trustMessage(trust), bindings: [placedBindingMessage(subject, trust)] };
    }
    const user = await findUser(tx, id);
    if (user === undefined) return { bindings: [] };
    return {
      user: userMessage(user),
      bindings: (await bindingsOfSubject(tx, subject))
        .filter((row) => seen.has(row.org_id))
        .map((row) => bindingMessage(row, user.email)),
    };
  });
}

async function bySession(parts: TenantParts, sha256: Buffer): Promise<Identity> {
  const now = parts.now();
  return parts.identity.anywhere(async (tx) => {
    const session = await findGoodSession(tx, sha256, now);
    if (session === undefined) throw refused();
    if (session.connection_id !== null && !(await isLinkOpen(tx, session.connection_id, session.identity_id ?? '')))
      throw refused();
    if (now.getTime() - session.last_seen_at.getTime() >= useResolution) await touchSession(tx, session.id, now);
    return {
      ...(await person(parts, tx, session.user_id, session.confined_to)),
      displayName: session.user_name,
      expiresAt: session.expires_at,
      sessionId: session.id,
      authenticatedAt: session.authenticated_at,
    };
  });
}

/** What a person may do: in one organization where the credential is for that alone. */
async function person(
  parts: TenantParts,
  tx: Transaction<TenantTables>,
  userId: string,
  confinedTo: string | null,
): Promise<Omit<Identity, 'displayName' | 'expiresAt' | 'sessionId' | 'authenticatedAt'>> {
  const subject = `user:${userId}`;
  const rows = (await bindingsOfSubject(tx, subject)).filter((row) => confinedTo === null || row.org_id === confinedTo);
  const all = rows.map((row) => bindingMessage(row));
  const demanding = new Set(await demandingOrganizations(tx, subject));
  const open = demanding.size === 0 || (await hasFactor(tx, userId));
  return {
    subject,
    bindings: open ? all : all.filter((b) => !demanding.has(b.orgId)),
    withheld: open ? [] : all.filter((b) => demanding.has(b.orgId)),
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
  const known = await parts.identity.anywhere((tx) => person(parts, tx, user.id, connection.org_id));
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
    const subject = `trust:${trust.id}`;
    const bindings = [placedBindingMessage(subject, trust)];
    return {
      subject,
      displayName: labelOf(trust, trust.workload),
      bindings,
      expiresAt: trust.ends_at,
      sessionId: '',
      // A program's credential, as a key is.
      addressRules: await addressRulesOf(parts, tx, bindings, 'api_keys'),
      authenticatedAt: null,
      withheld: [],
      roles: [],
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

/** A key has the role in its own row, or all that its service account has, narrowed. */
async function bindingsOfKey(
  tx: Transaction<TenantTables>,
  key: ApiKeyRow,
): Promise<{ bindings: Binding[] } & Pick<Identity, 'roles' | 'bounds'>> {
  if (key.service_account_id === null) return { bindings: [keyBindingMessage(key)], roles: [], bounds: undefined };
  const rows = await bindingsOfSubject(tx, `service_account:${key.service_account_id}`);
  return {
    bindings: rows.map((row) => bindingMessage(row)),
    roles: rolesOf(rows),
    bounds: { permissions: key.permissions, scopeIds: key.scope_ids },
  };
}

/** Each custom role once, however many bindings name it. */
const rolesOf = (rows: readonly BindingView[]): Identity['roles'] =>
  [...new Map(rows.map((row) => [row.role_id ?? '', row.role_permissions ?? []]))]
    .filter(([roleId]) => roleId !== '')
    .map(([roleId, permissions]) => ({ roleId, permissions }));

const nameOf = ({ name, service_account_name: account }: GoodKey): string =>
  account === null ? name : `${account}/${name}`;

const refused = (): UnauthenticatedProblem =>
  new UnauthenticatedProblem('INVALID_CREDENTIAL', 'the credential is wrong, ended or revoked');
