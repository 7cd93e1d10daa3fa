import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
} from '@opentelemetry/api';

export const tracer = () => trace.getTracer('truffle');

export interface SpanParent {
  /** W3C trace context that came with a message; empty or missing to go on in the active span. */
  readonly traceparent?: string | undefined;
  readonly kind?: 'server' | 'client' | 'internal' | 'producer' | 'consumer';
  readonly attributes?: Attributes;
}

const kinds = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  internal: SpanKind.INTERNAL,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
};

/** Runs `work` in a span that ends with it; a throw is recorded and thrown on. */
export async function inSpan<R>(name: string, parent: SpanParent, work: (span: Span) => Promise<R>): Promise<R> {
  const above = parent.traceparent
    ? propagation.extract(ROOT_CONTEXT, { traceparent: parent.traceparent })
    : context.active();
  const span = tracer().startSpan(
    name,
    { kind: kinds[parent.kind ?? 'internal'], attributes: parent.attributes ?? {} },
    above,
  );
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

/** A span that outlives the call that opened it; whoever opened it must end it. */
export interface OpenSpan {
  /** What to send along, so that the receiver's spans hang below this one. */
  readonly traceparent: string;
  end(attributes: Attributes, failed: boolean): void;
}

/** Opens a span below `parent.traceparent`, a new trace when that is empty: the active span has nothing to do with it. */
export function openSpan(name: string, parent: SpanParent): OpenSpan {
  const above = propagation.extract(ROOT_CONTEXT, { traceparent: parent.traceparent ?? '' });
  const span = tracer().startSpan(
    name,
    { kind: kinds[parent.kind ?? 'internal'], attributes: parent.attributes ?? {} },
    above,
  );
  return {
    traceparent: traceparentOf(trace.setSpan(above, span)),
    end: (attributes, failed) => {
      span.setAttributes(attributes);
      if (failed) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    },
  };
}

/** The active span as W3C trace context, to send along; empty when there is none. */
export const currentTraceparent = (): string => traceparentOf(context.active());

function traceparentOf(at: Context): string {
  const carrier: Record<string, string> = {};
  propagation.inject(at, carrier);
  return carrier['traceparent'] ?? '';
}
