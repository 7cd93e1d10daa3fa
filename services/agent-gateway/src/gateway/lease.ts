import { sql } from 'kysely';
import type { GatewayDatabase } from '../tables.ts';

/** Milliseconds between renewals, and how long one holds. */
export const leasePace = { renewMs: 5_000, lengthMs: 15_000 } as const;

/**
 * The gateway's own row: one for all of its sessions. While it lapsed, neither work nor permits go out, but streams stay open, so that a
 * minute without the database is not followed by every agent dialling anew.
 */
export class GatewayLease {
  readonly #database: GatewayDatabase;
  readonly #gatewayId: string;
  readonly #now: () => number;
  #validUntil = Number.NEGATIVE_INFINITY;

  constructor(database: GatewayDatabase, gatewayId: string, now: () => number) {
    this.#database = database;
    this.#gatewayId = gatewayId;
    this.#now = now;
  }

  /** Whether it is in force, judged on the safe side: from when the last renewal was asked for. */
  get valid(): boolean {
    return this.#now() < this.#validUntil;
  }

  async renew(): Promise<void> {
    const asked = this.#now();
    await this.#database.anywhere((tx) =>
      tx
        .insertInto('agent_gateway.gateway')
        .values({
          id: this.#gatewayId,
          lease_until: sql<Date>`now() + make_interval(secs => ${leasePace.lengthMs / 1000})`,
        })
        .onConflict((c) => c.column('id').doUpdateSet((eb) => ({ lease_until: eb.ref('excluded.lease_until') })))
        .execute(),
    );
    this.#validUntil = asked + leasePace.lengthMs;
  }

  /** Whether another gateway is at work. */
  async hasPeers(): Promise<boolean> {
    return this.#database.anywhere(async (tx) => {
      const other = await tx
        .selectFrom('agent_gateway.gateway')
        .select('id')
        .where('id', '<>', this.#gatewayId)
        .where('lease_until', '>', sql<Date>`now()`)
        .limit(1)
        .executeTakeFirst();
      return other !== undefined;
    });
  }

  /** Gives it up, and removes rows of gateways that are long gone. Sessions that are open here count as lost from now on. */
  async release(): Promise<void> {
    this.#validUntil = Number.NEGATIVE_INFINITY;
    await this.#database.anywhere((tx) =>
      tx
        .deleteFrom('agent_gateway.gateway')
        .where((eb) =>
          eb.or([eb('id', '=', this.#gatewayId), eb('lease_until', '<', sql<Date>`now() - interval '1 day'`)]),
        )
        .execute(),
    );
  }
}
