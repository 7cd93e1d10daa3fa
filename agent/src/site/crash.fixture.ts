import type { CommandPayload } from '@truffle/api/agent/v1/command';
import { commandId, Crash, type Fixture, type Ran } from './site.fixture.ts';

/**
 * Runs a command again and again, crashing at its first point, its second, and so on, each time once more to the end.
 * @returns how many crashes there were
 */
export async function crashEverywhere(
  fixture: Fixture,
  make: (at: number) => Promise<CommandPayload>,
  after: (ran: Ran, at: number) => void,
): Promise<number> {
  for (let crashAt = 1; ; crashAt++) {
    const payload = await make(crashAt);
    const id = commandId();
    let crashed = false;
    try {
      await fixture.run(id, payload, { crashAt });
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      crashed = true;
    }
    const ran = await fixture.run(id, payload);
    after(ran, crashAt);
    if (!crashed) return crashAt - 1;
  }
}
