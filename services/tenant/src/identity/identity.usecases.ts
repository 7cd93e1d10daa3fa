import type { AddressRule } from '@truffle/api/tenant/v1/allowlist';
import type { ApiKey, Binding, User } from '@truffle/api/tenant/v1/account';
import type { Transaction } from '@truffle/database';
import { UnauthenticatedProblem } from '@truffle/kit';
import { userMessage } from '../account/account.codec.ts';
import { findUser } from '../account/account.repo.ts';
import type { AllowlistKind } from '../allowlist/allowlist.ts';
import { rangesOf } from '../allowlist/allowlist.repo.ts';
import { apiKeyMessage } from '../api-key/api-key.codec.ts';
import { findGoodKey, findKey, touchKey } from '../api-key/api-key.repo.ts';
import { bindingMessage, keyBindingMessage } from '../binding/binding.codec.ts';
import { demandingOrganizations, bindingsOfSubject } from '../binding/binding.repo.ts';
import { readCredential } from '../credential/credential.ts';
import { hasFactor } from '../factor/factor.repo.ts';
import type { TenantParts } from '../parts.ts';
import { useResolution } from '../session/session.ts';
import { findGoodSession, touchSession } from '../session/session.repo.ts';
import type { TenantTables } from '../tables.ts';

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
}

/** Whose credential this is. @throws UnauthenticatedProblem for one that is wrong, ended, revoked or of a deleted organization */
export async function authenticate(parts: TenantParts, credential: string): Promise<Identity> {
  const read = readCredential(credential);
  if (read?.kind === 'tfs') return bySession(parts, read.sha256);
  if (read?.kind === 'tfk') return byKey(parts, read.sha256);
  throw refused();
}

/** Who a subject is and what it may do: the person or the key, and its bindings. */
export async function whoIs(
  parts: TenantParts,
  subject: string,
): Promise<{ user?: User; apiKey?: ApiKey; bindings: Binding[] }> {
  const [kind, id = ''] = subject.split(':');
  return parts.identity.anywhere(async (tx) => {
    if (kind === 'key') {
      const key = await findKey(tx, id);
      return key === undefined ? { bindings: [] } : { apiKey: apiKeyMessage(key), bindings: [keyBindingMessage(key)] };
    }
    const user = await findUser(tx, id);
    if (user === undefined) return { bindings: [] };
    return {
      user: userMessage(user),
      bindings: (await bindingsOfSubject(tx, subject)).map((row) => bindingMessage(row, user.email)),
    };
  });
}

async function bySession(parts: TenantParts, sha256: Buffer): Promise<Identity> {
  const now = parts.now();
  return parts.identity.anywhere(async (tx) => {
    const session = await findGoodSession(tx, sha256, now);
    if (session === undefined) throw refused();
    if (now.getTime() - session.last_seen_at.getTime() >= useResolution) await touchSession(tx, session.id, now);
    const subject = `user:${session.user_id}`;
    const all = (await bindingsOfSubject(tx, subject)).map((row) => bindingMessage(row));
    const demanding = new Set(await demandingOrganizations(tx, subject));
    const open = demanding.size === 0 || (await hasFactor(tx, session.user_id));
    return {
      subject,
      displayName: session.user_name,
      bindings: open ? all : all.filter((b) => !demanding.has(b.orgId)),
      withheld: open ? [] : all.filter((b) => demanding.has(b.orgId)),
      expiresAt: session.expires_at,
      sessionId: session.id,
      authenticatedAt: session.authenticated_at,
      addressRules: await addressRulesOf(parts, tx, all, 'sessions'),
    };
  });
}

async function byKey(parts: TenantParts, sha256: Buffer): Promise<Identity> {
  const now = parts.now();
  return parts.identity.anywhere(async (tx) => {
    const key = await findGoodKey(tx, sha256, now);
    if (key === undefined) throw refused();
    if (now.getTime() - (key.last_used_at?.getTime() ?? 0) >= useResolution) await touchKey(tx, key.id, now);
    const bindings = [keyBindingMessage(key)];
    return {
      subject: `key:${key.id}`,
      displayName: key.name,
      bindings,
      expiresAt: key.expires_at,
      sessionId: '',
      addressRules: await addressRulesOf(parts, tx, bindings, 'api_keys'),
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

const refused = (): UnauthenticatedProblem =>
  new UnauthenticatedProblem('INVALID_CREDENTIAL', 'the credential is wrong, ended or revoked');
