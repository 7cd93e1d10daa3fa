import type { Transaction } from '@truffle/database';
import type { Bounds } from '@truffle/kit';
import { sql } from 'kysely';
import { findKey, type ApiKeyRow } from '../api-key/api-key.repo.ts';
import { bindingMessage, keyBindingMessage } from '../binding/binding.codec.ts';
import { grantOf, roleNameOf, standing } from '../binding/binding.ts';
import { bindingsOf, type BindingView } from '../binding/binding.repo.ts';
import { groupsOf } from '../group/group.repo.ts';
import type { TenantTables } from '../tables.ts';
import { bounded, type HeldBinding } from './access.ts';

/** What each of `subjects` (people and service accounts) was given in the organization, its own and its groups'. */
export async function heldBy(
  tx: Transaction<TenantTables>,
  subjects: readonly string[],
): Promise<Map<string, HeldBinding[]>> {
  const groups = await groupsOf(tx, subjects);
  const groupSubjects = [...new Set(groups.map((group) => `group:${group.group_id}`))];
  const rows = Map.groupBy(await bindingsOf(tx, [...subjects, ...groupSubjects]), (row) => row.subject);
  return new Map(
    subjects.map((subject) => [
      subject,
      [
        ...(rows.get(subject) ?? []).map((row) => heldOf(row)),
        ...groups
          .filter((group) => group.subject === subject)
          .flatMap((group) => (rows.get(`group:${group.group_id}`) ?? []).map((row) => heldOf(row, group.name))),
      ],
    ]),
  );
}

/** What a key may: the role in its own row, or what its service account was given, narrowed. */
export async function heldByKey(tx: Transaction<TenantTables>, key: ApiKeyRow): Promise<HeldBinding[]> {
  if (key.service_account_id === null) {
    const row = {
      ...key,
      ...standing,
      subject: `key:${key.id}`,
      role_name: null,
      role_permissions: null,
      revision: '1',
    };
    return [{ binding: keyBindingMessage(key), grant: grantOf(row), groupName: '', roleName: roleNameOf(row) }];
  }
  const account = `service_account:${key.service_account_id}`;
  const bounds: Bounds = {
    permissions: key.permissions.length === 0 ? undefined : new Set(key.permissions),
    scopeIds: key.scope_ids.length === 0 ? undefined : key.scope_ids,
  };
  const held = (await heldBy(tx, [account])).get(account) ?? [];
  return held.map((each) => ({ ...each, grant: bounded(each.grant, bounds) }));
}

export async function heldBySubject(
  tx: Transaction<TenantTables>,
  subject: string,
): Promise<HeldBinding[] | undefined> {
  const [kind, id = ''] = subject.split(':');
  if (kind !== 'key') return (await heldBy(tx, [subject])).get(subject);
  const key = await findKey(tx, id);
  return key === undefined ? undefined : heldByKey(tx, key);
}

/** Everybody who may have been given something: people and service accounts with roles or in groups, and good keys with a role. In order. */
export async function listSubjects(
  tx: Transaction<TenantTables>,
  after: string | undefined,
  limit: number,
  now: Date,
): Promise<string[]> {
  const { rows } = await sql<{ subject: string }>`
    select subject from (
      select subject from tenant.role_binding where subject not like 'group:%'
      union select subject from tenant.group_member
      union select 'key:' || id from tenant.api_key
        where service_account_id is null and revoked_at is null and (expires_at is null or expires_at > ${now})) s
    where subject > ${after ?? ''} order by subject limit ${limit}`.execute(tx);
  return rows.map((row) => row.subject);
}

const heldOf = (row: BindingView, groupName = ''): HeldBinding => ({
  binding: bindingMessage(row),
  grant: grantOf(row),
  groupName,
  roleName: roleNameOf(row),
});
