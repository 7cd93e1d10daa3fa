import type { IncomingMessage, ServerResponse } from 'node:http';
import { context, metrics, propagation, trace } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { NodeSDK } from '@opentelemetry/sdk-node';

export interface Telemetry {
  /** Answers `GET /metrics` in Prometheus' text format. */
  readonly metrics: (request: IncomingMessage, response: ServerResponse) => void;
  close(): Promise<void>;
}

/**
 * Starts OpenTelemetry for this process, once, before anything is instrumented. Traces go out over OTLP/HTTP when
 * `otlpEndpoint` is given (its own variable is OTEL_EXPORTER_OTLP_ENDPOINT); without it they are made, for the ids in logs, and dropped.
 */
export function startTelemetry(service: string, otlpEndpoint: string): Telemetry {
  const prometheus = new PrometheusExporter({ preventServerStart: true });
  const sdk = new NodeSDK({
    serviceName: service,
    metricReaders: [prometheus],
    autoDetectResources: false,
    instrumentations: [],
    ...(otlpEndpoint === ''
      ? { spanProcessors: [dropSpans] }
      : { traceExporter: new OTLPTraceExporter({ url: `${otlpEndpoint.replace(/\/$/, '')}/v1/traces` }) }),
  });
  sdk.start();
  return {
    metrics: (request, response) => prometheus.getMetricsRequestHandler(request, response),
    close: async () => {
      await sdk.shutdown().catch(() => undefined);
      // For the next one in this process.
      for (const api of [trace, metrics, context, propagation]) api.disable();
    },
  };
}

/** Keeps spans alive (ids for logs and for the next process) where nobody collects them. */
const dropSpans = {
  onStart: () => undefined,
  onEnd: () => undefined,
  forceFlush: () => Promise.resolve(),
  shutdown: () => Promise.resolve(),
};
