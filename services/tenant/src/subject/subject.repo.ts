import { emailsOf } from '../account/account.repo.ts';
import type { TenantParts } from '../parts.ts';

/** What people call each of `subjects` of an organization: a person's address, a service account's, group's or key's name. */
export async function displayNamesOf(
  parts: TenantParts,
  orgId: string,
  subjects: readonly string[],
): Promise<Map<string, string>> {
  const names = await parts.identity.anywhere((tx) =>
    emailsOf(
      tx,
      subjects.filter((subject) => subject.startsWith('user:')),
    ),
  );
  const idsOf = (kind: string) =>
    subjects.filter((subject) => subject.startsWith(`${kind}:`)).map((subject) => subject.slice(kind.length + 1));
  await parts.tenants.tenant(orgId, async (tx) => {
    for (const [kind, table] of [
      ['group', 'tenant.member_group'],
      ['service_account', 'tenant.service_account'],
      ['key', 'tenant.api_key'],
    ] as const) {
      const ids = idsOf(kind);
      if (ids.length === 0) continue;
      const rows = await tx
        .selectFrom(table)
        .select(['id', 'name'])
        .where((eb) => eb('id', '=', eb.fn.any(eb.val(ids))))
        .execute();
      for (const row of rows) names.set(`${kind}:${row.id}`, row.name);
    }
  });
  return names;
}
