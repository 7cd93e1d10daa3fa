import { context, propagation, trace } from '@opentelemetry/api';

/** Milliseconds that the last spans may take to leave when the agent ends. */
const flushMs = 2_000;

/** Spans on their way out. */
export interface TraceExport {
  /** Sends what waits, for 2 s at most; never fails. */
  close(): Promise<void>;
}

/**
 * Sends spans over OTLP/HTTP to `endpoint`, the base URL of a collector. What does this is loaded only then: an agent that traces nothing
 * does not carry it in its memory.
 */
export async function exportTraces(endpoint: string, version: string): Promise<TraceExport> {
  const [{ BatchSpanProcessor, NodeTracerProvider }, { OTLPTraceExporter }, { resourceFromAttributes }] =
    await Promise.all([
      import('@opentelemetry/sdk-trace-node'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
    ]);
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, '')}/v1/traces` });
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'agent', 'service.version': version }),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  });
  provider.register();
  return {
    close: async () => {
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(late.resolve, flushMs);
      // A collector that is away must not keep the agent from ending.
      await Promise.race([provider.shutdown().catch(() => undefined), late.promise]);
      clearTimeout(timer);
      // For the next one in this process.
      for (const api of [trace, context, propagation]) api.disable();
    },
  };
}
