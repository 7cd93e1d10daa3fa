import { join } from 'node:path';
import { Effect, Outcome } from '@truffle/api/agent/v1/command';
import pino from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import type { CommandHandler } from '../command/effect.ts';
import { Reports } from '../command/report.ts';
import { Runner } from '../command/runner.ts';
import { Journal } from '../journal/journal.ts';
import { testCommand } from '../testing/entry.ts';
import { testFolder } from '../testing/folder.ts';
import { openGate } from '../testing/gate.ts';
import { VirtualClock } from '../testing/virtual-clock.ts';
import { describeStatus, readStatus } from '../status.ts';
import { IdentityFolder } from './folder.ts';
import { QuarantineGuard, readQuarantine } from './quarantine.ts';

const conflict = { reason: 'IDENTITY_CONFLICT', message: 'a copy of this agent has been connected' };

/** A runner and its guard, as the program wires them. */
function start(folder: string) {
  const clock = new VirtualClock();
  const log = pino({ level: 'silent' });
  const journal = new Journal(join(folder, 'journal.db'), () => undefined);
  let open = true;
  const close = (): void => {
    if (open) journal.close();
    open = false;
  };
  onTestFinished(close);
  const began: string[] = [];
  const handler: CommandHandler = {
    kind: 'deleteServer',
    needsPermit: true,
    run: async (run) => {
      began.push(run.commandId);
      return { outcome: Outcome.SUCCEEDED, effect: Effect.FULL };
    },
  };
  const reports = new Reports({ journal, clock, wake: () => undefined });
  const runner = new Runner({ journal, reports, handlers: [handler], gate: openGate, clock, log });
  const guard = new QuarantineGuard({
    folder: new IdentityFolder(folder),
    agentId: 'agt_1',
    clock,
    log,
    hold: () => runner.hold(),
    resume: () => runner.resume(),
  });
  runner.recover();
  const permit = (id: string): void => {
    runner.command(testCommand({ id }));
    runner.permit(id, 1);
  };
  return { clock, runner, guard, began, permit, close };
}

test('begins nothing in quarantine, over restarts too, and goes on once a session is open', async () => {
  const folder = testFolder();
  const first = start(folder);
  first.permit('cmd_1');
  first.guard.refused({ reason: 'SUPERSEDED', message: 'a newer session is open' });
  first.permit('cmd_2');
  await first.clock.pass(1);
  expect(first.began).toEqual(['cmd_1', 'cmd_2']);
  first.guard.refused(conflict);
  first.permit('cmd_3');
  await first.clock.pass(60_000);
  first.guard.refused({ reason: 'QUARANTINED', message: 'the identity of this agent is in conflict' });
  expect(first.began).toHaveLength(2);
  expect(readQuarantine(folder)).toMatchObject({
    reason: 'IDENTITY_CONFLICT',
    since: new Date(1_800_000_000_001).toISOString(),
  });
  first.close();

  const second = start(folder);
  await second.clock.pass(1);
  expect(second.began).toEqual([]);
  second.guard.welcomed();
  await second.clock.pass(1);
  expect(second.began).toEqual(['cmd_3']);
  expect(readQuarantine(folder)).toBeUndefined();
});

test('is shown with the holder that a person picks by', async () => {
  const folder = testFolder();
  const { guard, close } = start(folder);
  guard.refused(conflict);
  close();
  const status = await readStatus(folder);
  expect(status.holder).toMatch(/^[0-9a-f]{12}$/);
  const lines = describeStatus({ ...status, enrolled: true, quarantine: readQuarantine(folder) });
  expect(lines).toContain('IDENTITY_CONFLICT since ');
  expect(lines).toContain(`holder       ${status.holder}`);
});
