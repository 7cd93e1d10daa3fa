import { metrics } from '@opentelemetry/api';

/** A number that goes up and down, as `/metrics` shows it: dots become underscores. Nothing is shown before the first `record`. */
export const gauge = (name: string, description: string): { record(value: number): void } =>
  metrics.getMeter('truffle').createGauge(name, { description });
