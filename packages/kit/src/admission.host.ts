import { monitorEventLoopDelay } from 'node:perf_hooks';
import { metrics } from '@opentelemetry/api';
import { Admission } from './admission.ts';

const lookEveryMs = 250;
const resolutionMs = 20;

/** The door of one process: it looks at how late the event loop is, and is on its metrics. @returns it, and how to stop looking */
export function startAdmission(): { readonly admission: Admission; readonly close: () => void } {
  const admission = new Admission({ now: () => performance.now(), random: Math.random });
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  const timer = setInterval(() => {
    // Each sample has the sampling interval in it.
    admission.adjust(Math.max(0, delay.mean / 1e6 - resolutionMs));
    delay.reset();
  }, lookEveryMs);
  timer.unref();
  metrics
    .getMeter('truffle')
    .createObservableGauge('rpc.server.calls', {
      description: 'Calls at work, that wait, and that may be at work at once',
    })
    .addCallback((result) => {
      for (const [state, count] of Object.entries(admission.count)) result.observe(count, { state });
    });
  return {
    admission,
    close: () => {
      clearInterval(timer);
      delay.disable();
    },
  };
}
