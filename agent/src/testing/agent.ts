import { join } from 'node:path';
import pino, { type Logger } from 'pino';
import { onTestFinished } from 'vitest';
import { systemClock, type Clock } from '../command/clock.ts';
import type { CommandHandler } from '../command/effect.ts';
import { pingHandler } from '../command/ping.ts';
import { Reports } from '../command/report.ts';
import { Runner } from '../command/runner.ts';
import { Journal } from '../journal/journal.ts';
import { grpcDialer } from '../link/grpc.ts';
import { Link } from '../link/link.ts';
import { openGate } from './gate.ts';
import { gatewayName } from './gateway.ts';
import type { Authority } from './pki.ts';

/** A whole agent in this process, without a site. */
export interface TestAgent {
  readonly link: Link;
  readonly runner: Runner;
  readonly reports: Reports;
  readonly journal: Journal;
  /** Ends as a crash does: nothing is finished, nothing is said. */
  crash(): void;
}

export interface TestAgentInput {
  readonly folder: string;
  readonly authority: Authority;
  readonly endpoints: readonly string[];
  readonly handlers?: readonly CommandHandler[];
  /** For a test that moves it by hand; the machine's otherwise. */
  readonly clock?: Clock;
  /** For a test that reads what the agent says. */
  readonly log?: Logger;
  /** 0 for the quickest back-off. */
  readonly random?: () => number;
}

export async function startAgent(input: TestAgentInput): Promise<TestAgent> {
  const own = await input.authority.issue('agt_test');
  const log = input.log ?? pino({ level: process.env['TRUFFLE_AGENT_LOG_LEVEL'] ?? 'silent' });
  const journal = new Journal(join(input.folder, 'journal.db'), (error) => log.fatal({ err: error }, 'journal'));
  const current: { link?: Link } = {};
  const clock = input.clock ?? systemClock;
  const reports = new Reports({ journal, clock, wake: (urgency) => current.link?.wake(urgency) });
  const handlers = [pingHandler, ...(input.handlers ?? [])];
  const runner = new Runner({ journal, reports, handlers, gate: openGate, clock, log });
  const dialer = grpcDialer(() => ({ ...own, authorities: input.authority.certificate, serverName: gatewayName }));
  const random = input.random ?? (() => 0.01);
  const link = new Link({
    journal,
    runner,
    reports,
    dialer,
    clock,
    random,
    log,
    endpoints: input.endpoints,
    version: '1.2.3',
  });
  current.link = link;
  let over = false;
  const crash = (): void => {
    if (over) return;
    over = true;
    link.stop();
    journal.close();
  };
  onTestFinished(crash);
  runner.recover();
  link.start();
  return { link, runner, reports, journal, crash };
}
