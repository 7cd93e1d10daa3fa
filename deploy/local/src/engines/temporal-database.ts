import { run } from './path-lookup.ts';

/** The role that owns Temporal's two databases, and what they are called. */
export const temporalDatabases = { role: 'temporal', main: 'temporal', visibility: 'temporal_visibility' } as const;

export interface TemporalDatabase {
  readonly port: number;
  readonly password: string;
}

/** Brings Temporal's schema into its two empty databases, or up to this version. */
export async function updateSchema(sqlTool: string, database: TemporalDatabase): Promise<void> {
  for (const [name, schema] of [
    [temporalDatabases.main, 'temporal'],
    [temporalDatabases.visibility, 'visibility'],
  ] as const) {
    const where = [
      '--plugin',
      'postgres12',
      '--endpoint',
      '127.0.0.1',
      '--port',
      String(database.port),
      '--user',
      temporalDatabases.role,
      '--database',
      name,
    ];
    const tool = (...args: string[]): Promise<unknown> =>
      run(sqlTool, [...where, ...args], { env: { ...process.env, SQL_PASSWORD: database.password } });
    await tool('setup-schema', '--version', '0.0');
    await tool('update-schema', '--schema-name', `postgresql/v12/${schema}`);
  }
}
