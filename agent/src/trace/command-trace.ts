import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, type Span } from '@opentelemetry/api';
import { Effect, Outcome } from '@truffle/api/agent/v1/command';
import type { CommandEnd, CommandHandler, CommandRun } from '../command/effect.ts';

/**
 * Runs a command in a span below the one that sent it, with a span for each sub-step from its intent to what was observed. Spans hold names
 * and outcomes only: handles, observations and payloads stay in the journal. Without an exporter all of it does nothing.
 */
export async function tracedRun(handler: CommandHandler, run: CommandRun): Promise<CommandEnd> {
  const tracer = trace.getTracer('truffle-agent');
  const above = propagation.extract(ROOT_CONTEXT, { traceparent: run.traceparent });
  const attributes = { 'truffle.command': run.commandId, 'truffle.command.kind': handler.kind };
  const span = tracer.startSpan(`command.run ${handler.kind}`, { kind: SpanKind.CONSUMER, attributes }, above);
  const at = trace.setSpan(above, span);
  const steps = new Map<string, Span>();
  try {
    const end = await context.with(at, () =>
      handler.run(withSteps(run, steps, (name) => tracer.startSpan(`step ${name}`, {}, at))),
    );
    span.setAttributes({
      'truffle.command.outcome': Outcome[end.outcome],
      'truffle.command.effect': Effect[end.effect],
    });
    if (end.outcome === Outcome.FAILED) span.setStatus({ code: SpanStatusCode.ERROR });
    return end;
  } catch (error) {
    // Its message may quote the site: the name of the error is all that leaves.
    span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.name : 'error' });
    throw error;
  } finally {
    for (const step of steps.values()) step.setStatus({ code: SpanStatusCode.ERROR, message: 'not observed' }).end();
    span.end();
  }
}

function withSteps(run: CommandRun, steps: Map<string, Span>, begin: (name: string) => Span): CommandRun {
  return {
    ...run,
    intend: (name, handle) => {
      const record = run.intend(name, handle);
      if (record.observed === undefined && !steps.has(name)) steps.set(name, begin(name));
      return record;
    },
    observe: (name, observed) => {
      run.observe(name, observed);
      steps.get(name)?.end();
      steps.delete(name);
    },
  };
}

/** The trace that a command belongs to, for log lines; undefined for none. */
export const traceIdOf = (traceparent: string): string | undefined =>
  /^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(traceparent)?.[1];
