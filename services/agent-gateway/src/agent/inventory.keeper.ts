import { toBinary } from '@bufbuild/protobuf';
import { InventorySchema, type Inventory } from '@truffle/api/agent/v1/agent';
import type { Logger } from '@truffle/telemetry';
import type { GatewayDatabase } from '../tables.ts';
import { storeInventory } from './agent.repo.ts';

const maxInventoryBytes = 200 * 1024;

export interface InventoryParts {
  readonly database: Pick<GatewayDatabase, 'tenant'>;
  readonly logger: Logger;
}

/** Stores what an agent says of its site. The newest is what counts: one is being stored, one may wait. */
export class InventoryKeeper {
  readonly #parts: InventoryParts;
  #newest: Inventory | undefined;

  constructor(parts: InventoryParts) {
    this.#parts = parts;
  }

  /** Resolves when nothing waits any more; at once when another call is storing. */
  async keep(agent: { readonly orgId: string; readonly agentId: string }, inventory: Inventory): Promise<void> {
    const busy = this.#newest !== undefined;
    this.#newest = inventory;
    if (busy) return;
    try {
      for (let next: Inventory | undefined = inventory; next !== undefined;) {
        await this.#store(agent, next);
        next = this.#newest === next ? undefined : this.#newest;
      }
    } finally {
      this.#newest = undefined;
    }
  }

  async #store(
    { orgId, agentId }: { readonly orgId: string; readonly agentId: string },
    inventory: Inventory,
  ): Promise<void> {
    const bytes = Buffer.from(toBinary(InventorySchema, inventory));
    if (bytes.length > maxInventoryBytes)
      this.#parts.logger.warn({ agentId, bytes: bytes.length }, 'an inventory is too large and was not stored');
    else await this.#parts.database.tenant(orgId, (tx) => storeInventory(tx, agentId, bytes));
  }
}
