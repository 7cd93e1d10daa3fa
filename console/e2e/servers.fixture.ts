import pg from 'pg';

/** Puts `count` servers beside those of a cluster, behind the product's back: no site here is as large. */
export async function fillCluster(databaseUrl: string, clusterId: string, count: number): Promise<void> {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  try {
    const { rows } = await client.query<{ column_name: string }>(
      `select column_name from information_schema.columns
       where table_schema = 'orchestration' and table_name = 'server' and is_generated = 'NEVER'`,
    );
    const own: Readonly<Record<string, string>> = {
      id: `'srv_' || lpad(n::text, 26, '0')`,
      name: `'many-vm-' || lpad(n::text, 5, '0')`,
      index: 'n + 1000',
      vmid: 'null',
    };
    const columns = rows.map(({ column_name: name }) => name);
    await client.query(
      `insert into orchestration.server (${columns.map((name) => `"${name}"`).join(', ')})
       select ${columns.map((name) => own[name] ?? `s."${name}"`).join(', ')}
       from (select * from orchestration.server where cluster_id = $1 limit 1) s, generate_series(1, ${count}) n`,
      [clusterId],
    );
  } finally {
    await client.end();
  }
}
