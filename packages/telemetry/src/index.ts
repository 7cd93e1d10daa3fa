export { startTelemetry, type Telemetry } from './telemetry.ts';
export { createLogger, type Logger } from './logger.ts';
export { inSpan, currentTraceparent, tracer, type SpanParent } from './trace.ts';
