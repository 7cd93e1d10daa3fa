import { Code, ConnectError } from '@connectrpc/connect';
import { BadRequestSchema, ErrorInfoSchema } from '@truffle/api/google/rpc/error_details';
import type { TestDatabase } from '@truffle/testkit';

/** How a call was refused: `code reason field,field`, as programs read it. */
export async function refusalOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'accepted';
  } catch (error) {
    const status = ConnectError.from(error);
    const reason = status.findDetails(ErrorInfoSchema)[0]?.reason ?? '';
    const fields = status.findDetails(BadRequestSchema).flatMap((d) => d.fieldViolations.map((v) => v.field));
    return [Code[status.code], reason, [...new Set(fields)].join()].filter((part) => part !== '').join(' ');
  }
}

/** How many rows each table of the product has. Failed attempts to sign in are counted on purpose, for their limit. */
export async function rowCounts(database: TestDatabase): Promise<Readonly<Record<string, string>>> {
  const { rows } = await database.admin.query<{ name: string; count: string }>(`
    select format('%I.%I', schemaname, tablename) as name,
      (xpath('/row/n/text()', query_to_xml(format('select count(*) as n from %I.%I', schemaname, tablename), false, true, '')))[1]::text as count
    from pg_tables
    where schemaname in ('tenant', 'template', 'orchestration', 'billing', 'agent_gateway') and tablename <> 'sign_in_attempt'
    order by 1`);
  return Object.fromEntries(rows.map(({ name, count }) => [name, count]));
}
