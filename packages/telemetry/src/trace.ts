import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, type Attributes, type Span } from '@opentelemetry/api';

export const tracer = () => trace.getTracer('truffle');

export interface SpanParent {
  /** W3C trace context that came with a message; empty or missing to go on in the active span. */
  readonly traceparent?: string | undefined;
  readonly kind?: 'server' | 'client' | 'internal' | 'producer' | 'consumer';
  readonly attributes?: Attributes;
}

const kinds = { server: SpanKind.SERVER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL, producer: SpanKind.PRODUCER, consumer: SpanKind.CONSUMER };

/** Runs `work` in a span that ends with it; a throw is recorded and thrown on. */
export async function inSpan<R>(name: string, parent: SpanParent, work: (span: Span) => Promise<R>): Promise<R> {
  const above = parent.traceparent ? propagation.extract(ROOT_CONTEXT, { traceparent: parent.traceparent }) : context.active();
  const span = tracer().startSpan(name, { kind: kinds[parent.kind ?? 'internal'], attributes: parent.attributes ?? {} }, above);
  return context.with(trace.setSpan(above, span), async () => {
    try {
      return await work(span);
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.name : 'error' });
      throw error;
    } finally {
      span.end();
    }
  });
}

/** The active span as W3C trace context, to send along; empty when there is none. */
export function currentTraceparent(): string {
  const carrier: Record<string, string> = {};
  propagation.inject(context.active(), carrier);
  return carrier['traceparent'] ?? '';
}
