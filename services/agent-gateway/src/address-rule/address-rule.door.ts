import { appendEvent } from '@truffle/database';
import type { GatewayDatabase } from '../tables.ts';
import { notAllowed, Refusals, rulesUnknown, type LetIn } from './address-rule.ts';

/** Where an agent dialled from, and whose it is. */
export interface Dialler {
  readonly orgId: string;
  readonly agentId: string;
  readonly address: string;
}

/** Whoever knows where agents may dial from. */
export interface Doorkeeper {
  readonly letsIn: (dialler: Dialler) => LetIn;
}

/** Keeps agents out that dial from where their organization is not used from, and notes that. */
export class AddressDoor {
  readonly #database: Pick<GatewayDatabase, 'tenant'>;
  readonly #letsIn: (dialler: Dialler) => LetIn;
  readonly #refusals = new Refusals();

  constructor(database: Pick<GatewayDatabase, 'tenant'>, letsIn: (dialler: Dialler) => LetIn) {
    this.#database = database;
    this.#letsIn = letsIn;
  }

  /** What the agent is told when it may not come in. */
  async shutFor(dialler: Dialler): Promise<typeof notAllowed | typeof rulesUnknown | undefined> {
    const letIn = this.#letsIn(dialler);
    if (letIn === 'yes') return undefined;
    if (letIn === 'unknown') return rulesUnknown;
    const { orgId, agentId, address } = dialler;
    if (this.#refusals.isNew(dialler))
      await this.#database.tenant(orgId, (tx) =>
        appendEvent(
          tx,
          { subject: `agent:${agentId}`, requestId: agentId },
          { orgId, name: 'agent.refused', resourceId: agentId, data: { reason: notAllowed.reason, address } },
        ),
      );
    return notAllowed;
  }
}
