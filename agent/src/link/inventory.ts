import type { Inventory } from '@truffle/api/agent/v1/agent';
import type { Logger } from 'pino';
import { systemClock } from '../command/clock.ts';
import type { Link } from './link.ts';

const inventoryEveryMs = 60_000;
/** After a look that failed: the site may only be starting. */
const inventoryAgainMs = 5_000;

/** Tells what the site has, now and every minute; the next look begins when the last one ended. */
export function followInventory(
  take: () => Promise<Inventory>,
  link: Pick<Link, 'tellInventory'>,
  log: Logger,
): () => void {
  let cancel: (() => void) | undefined;
  let over = false;
  let problems = '';
  const look = async (): Promise<void> => {
    let wait = inventoryEveryMs;
    try {
      const inventory = await take();
      link.tellInventory(inventory);
      const told = inventory.problems.join('\n');
      if (told !== problems && told !== '') log.warn({ problems: inventory.problems }, 'the site is not in order');
      problems = told;
    } catch (error) {
      log.warn({ err: error }, 'the inventory could not be taken');
      wait = inventoryAgainMs;
    }
    if (!over) cancel = systemClock.after(wait, () => void look());
  };
  void look();
  return () => {
    over = true;
    cancel?.();
  };
}
