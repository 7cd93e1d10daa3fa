import { randomBytes } from 'node:crypto';
import { appendEvent, databaseErrorCode } from '@truffle/database';
import { authorOf, bells, InvalidProblem, NotFoundProblem, PreconditionProblem, type Caller } from '@truffle/kit';
import type { TenantParts } from '../parts.ts';
import { findConnection } from './connection.repo.ts';
import { countDomains, deleteDomain, findDomain, insertDomain, setDomain, type DomainRow } from './domain.repo.ts';

/** Looks texts up in the DNS. */
export type TxtResolver = (name: string) => Promise<readonly string[]>;

const mostDomains = 100;
/** Domains that anybody gets an address in: nobody's own. */
const shared = new Set(
  'gmail.com googlemail.com outlook.com hotmail.com live.com yahoo.com icloud.com me.com aol.com gmx.de gmx.net web.de proton.me protonmail.com mail.ru yandex.ru qq.com 163.com'.split(
    ' ',
  ),
);

/** The name and text of the record that proves a domain. */
export const recordOf = (
  row: Pick<DomainRow, 'domain' | 'token'>,
): { readonly name: string; readonly value: string } => ({
  name: `_truffle.${row.domain}`,
  value: `truffle-domain=${row.token}`,
});

/** @throws NotFoundProblem, InvalidProblem for a domain that can't be one organization's */
export async function addDomain(
  parts: TenantParts,
  caller: Caller,
  connectionId: string,
  domain: string,
): Promise<DomainRow> {
  if (shared.has(domain))
    throw new InvalidProblem([{ field: 'domain', description: 'is open to everybody', reason: 'SHARED_DOMAIN' }]);
  const row: DomainRow = {
    org_id: caller.orgId,
    domain,
    connection_id: connectionId,
    token: randomBytes(24).toString('base64url'),
    verified_at: null,
    required: false,
    created_at: parts.now(),
  };
  return parts.tenants.tenant(caller.orgId, async (tx) => {
    if ((await findConnection(tx, connectionId)) === undefined) throw new NotFoundProblem('connection', connectionId);
    if ((await countDomains(tx)) >= mostDomains)
      throw new PreconditionProblem('TOO_MANY_DOMAINS', `an organization has at most ${mostDomains} domains`);
    if (!(await insertDomain(tx, row))) {
      const before = await findDomain(tx, connectionId, domain);
      if (before !== undefined) return before;
      throw new PreconditionProblem(
        'OTHER_CONNECTION',
        'the domain is at another of your connections: remove it there',
      );
    }
    await appendEvent(tx, authorOf(caller), eventOf(caller, connectionId, 'domain.added', domain));
    return row;
  });
}

/** @throws NotFoundProblem, PreconditionProblem while the record is not there, or when another organization proved the domain */
export async function verifyDomain(
  parts: TenantParts,
  caller: Caller,
  connectionId: string,
  domain: string,
): Promise<DomainRow> {
  const row = await demandDomain(parts, caller, connectionId, domain);
  if (row.verified_at !== null) return row;
  const record = recordOf(row);
  const found = await parts.txt(record.name).catch((): readonly string[] => []);
  if (!found.includes(record.value))
    throw new PreconditionProblem(
      'RECORD_NOT_FOUND',
      `the DNS has no TXT record ${record.name} with ${record.value}; add it, wait until it is published, and try again`,
    );
  try {
    return await parts.tenants.tenant(caller.orgId, async (tx) => {
      const after = await setDomain(tx, domain, { verified_at: parts.now() });
      await appendEvent(tx, authorOf(caller), eventOf(caller, connectionId, 'domain.verified', domain));
      return after;
    });
  } catch (error) {
    if (databaseErrorCode(error) !== '23505') throw error;
    throw new PreconditionProblem(
      'DOMAIN_TAKEN',
      'another organization has proven this domain: it must remove it first, or ask who runs this control plane',
    );
  }
}

/** @throws NotFoundProblem, PreconditionProblem for a domain that is not verified */
export async function requireDomain(
  parts: TenantParts,
  caller: Caller,
  connectionId: string,
  domain: string,
  required: boolean,
): Promise<DomainRow> {
  const row = await demandDomain(parts, caller, connectionId, domain);
  if (row.verified_at === null)
    throw new PreconditionProblem('DOMAIN_NOT_VERIFIED', 'verify the domain first (VerifyDomain)');
  const after = await parts.tenants.tenant(caller.orgId, async (tx) => {
    const changed = await setDomain(tx, domain, { required });
    await appendEvent(tx, authorOf(caller), eventOf(caller, connectionId, 'domain.required', domain, { required }));
    return changed;
  });
  // Sessions that are open already are asked again.
  parts.bell.ring(bells.identity);
  return after;
}

/** @throws NotFoundProblem */
export async function removeDomain(
  parts: TenantParts,
  caller: Caller,
  connectionId: string,
  domain: string,
): Promise<void> {
  await demandDomain(parts, caller, connectionId, domain);
  await parts.tenants.tenant(caller.orgId, async (tx) => {
    await deleteDomain(tx, domain);
    await appendEvent(tx, authorOf(caller), eventOf(caller, connectionId, 'domain.removed', domain));
  });
}

async function demandDomain(
  parts: TenantParts,
  caller: Caller,
  connectionId: string,
  domain: string,
): Promise<DomainRow> {
  const row = await parts.tenants.tenant(caller.orgId, (tx) => findDomain(tx, connectionId, domain));
  if (row === undefined) throw new NotFoundProblem('domain', domain);
  return row;
}

const eventOf = (caller: Caller, resourceId: string, name: string, domain: string, more: object = {}) => ({
  orgId: caller.orgId,
  name,
  resourceId,
  data: { domain, ...more },
});
