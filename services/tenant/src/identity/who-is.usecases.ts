import type { ApiKey, Binding, User } from '@truffle/api/tenant/v1/account';
import type { ServiceAccount } from '@truffle/api/tenant/v1/service_account';
import type { Trust } from '@truffle/api/tenant/v1/trust';
import type { Caller } from '@truffle/kit';
import { userMessage } from '../account/account.codec.ts';
import { findUser } from '../account/account.repo.ts';
import { apiKeyMessage } from '../api-key/api-key.codec.ts';
import { findKey } from '../api-key/api-key.repo.ts';
import { bindingMessage, placedBindingMessage } from '../binding/binding.codec.ts';
import { bindingsOfSubject } from '../binding/binding.repo.ts';
import type { TenantParts } from '../parts.ts';
import { serviceAccountMessage } from '../service-account/service-account.codec.ts';
import { findServiceAccount } from '../service-account/service-account.repo.ts';
import { trustMessage } from '../trust/trust.codec.ts';
import { findOpenTrust } from '../trust/trust.repo.ts';
import { bindingsOfKey } from './held.ts';

/** Who a subject is and what it may do: the person or the key, and its bindings. */
export async function whoIs(
  parts: TenantParts,
  { subject, bindings, withheld = [], acting = '' }: Pick<Caller, 'subject' | 'bindings' | 'withheld' | 'acting'>,
): Promise<{
  actedBy?: string;
  user?: User;
  apiKey?: ApiKey;
  trust?: Trust;
  serviceAccount?: ServiceAccount;
  bindings: Binding[];
}> {
  const [kind, id = ''] = subject.split(':');
  // A session that is for one organization does not tell of the others.
  const seen = new Set([...bindings, ...withheld].map((b) => b.orgId));
  return parts.identity.anywhere(async (tx) => {
    if (kind === 'key') {
      const key = await findKey(tx, id);
      return key === undefined
        ? { bindings: [] }
        : { apiKey: apiKeyMessage(key, parts.now()), bindings: [...(await bindingsOfKey(tx, key)).bindings] };
    }
    if (kind === 'trust') {
      const trust = await findOpenTrust(tx, id);
      return trust === undefined
        ? { bindings: [] }
        : { trust: trustMessage(trust), bindings: [placedBindingMessage(subject, trust)] };
    }
    if (kind === 'service_account') {
      const account = await findServiceAccount(tx, id);
      const rows = account === undefined ? [] : await bindingsOfSubject(tx, subject);
      return {
        ...(account === undefined ? {} : { serviceAccount: serviceAccountMessage(account) }),
        bindings: rows.map((row) => bindingMessage(row)),
      };
    }
    const user = await findUser(tx, id);
    if (user === undefined) return { bindings: [] };
    return {
      user: userMessage(user),
      actedBy: acting,
      bindings: (await bindingsOfSubject(tx, subject))
        .filter((row) => seen.has(row.org_id))
        .map((row) => bindingMessage(row, user.email)),
    };
  });
}
