export { startTelemetry, type Telemetry } from './telemetry.ts';
export { createLogger, type Logger } from './logger.ts';
export { inSpan, openSpan, currentTraceparent, tracer, type OpenSpan, type SpanParent } from './trace.ts';
export { gauge } from './gauge.ts';
