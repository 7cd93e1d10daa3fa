import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { EnsureServer } from '@truffle/api/agent/v1/command';
import { AgentMetricReportService } from '@truffle/api/agent/v1/metric_report_service';
import { systemClock } from './command/clock.ts';
import type { Reports } from './command/report.ts';
import type { Runner } from './command/runner.ts';
import { callGateway } from './identity/gateway-call.ts';
import type { CertificateKeeper } from './identity/keeper.ts';
import { HealthKeeper } from './keep/health-keeper.ts';
import { Keeper } from './keep/keeper.ts';
import type { Link } from './link/link.ts';
import { MetricReporter } from './metric/reporter.ts';
import { MetricRing } from './metric/metric-ring.ts';
import { Sampler } from './metric/sampler.ts';
import type { Parts } from './program.ts';

/** Ends what was begun; resolves when it is over. */
type Stop = () => Promise<void>;

/** Keeps servers running while no gateway is there to ask for it, and healthy in any case. */
export function keepServers(
  { input, journal, site, enforcer }: Parts,
  { link, runner, reports }: { readonly link: Link; readonly runner: Runner; readonly reports: Reports },
): Stop {
  if (site?.keep === undefined) return () => Promise.resolve();
  const deps = {
    journal,
    site: site.keep,
    connected: () => link.ready,
    claim: (resourceKey: string) => runner.claim(resourceKey),
    noted: () => reports.keptDue(),
    clock: systemClock,
    random: Math.random,
    log: input.log,
    // Two holders of one identity must not both act: in quarantine nothing begins.
    objection: (server: EnsureServer, exec = false) =>
      runner.held ? 'the agent is in quarantine' : enforcer.objection(server, exec),
  };
  const keepers = [new Keeper(deps), new HealthKeeper(deps)];
  for (const keeper of keepers) keeper.start();
  return async () => void (await Promise.all(keepers.map((keeper) => keeper.stop())));
}

/** Measures what servers and the agent use, keeps it in a ring on disk, and tells it over connections of its own. */
export function measure(
  { input: { dataFolder, log }, journal, site }: Parts,
  about: { readonly link: Link; readonly keeper: CertificateKeeper; readonly endpoints: () => readonly string[] },
): Stop {
  const ring = new MetricRing(join(dataFolder, 'metrics.db'));
  const clock = systemClock;
  const { reportMetrics } = AgentMetricReportService.method;
  let turn = 0;
  const reporter = new MetricReporter({
    ring,
    connected: () => about.link.ready,
    report: (request) => {
      const known = about.endpoints();
      const endpoint = known[turn++ % Math.max(1, known.length)] ?? '';
      return callGateway(endpoint, about.keeper.credentials(), reportMetrics, request);
    },
    clock,
    random: Math.random,
    log,
  });
  const sampler = new Sampler({
    ring,
    declared: journal.declared,
    usage: site?.usage,
    own: {
      cpuMicros: () => {
        const { user, system } = process.cpuUsage();
        return user + system;
      },
      memoryBytes: () => process.memoryUsage.rss(),
      journalBytes: () => sizeOf(join(dataFolder, 'journal.db')) + sizeOf(join(dataFolder, 'journal.db-wal')),
    },
    clock,
    log,
  });
  sampler.start();
  reporter.start();
  return async () => {
    sampler.stop();
    await reporter.stop();
    ring.close();
  };
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
