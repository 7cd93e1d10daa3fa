import { parentPort, workerData } from 'node:worker_threads';
import { Beacon, type Job, type Reply } from './sandbox.protocol.ts';
import { loadTemplate, parseTemplateHere } from './parse.ts';
import { expandServers } from './servers.ts';
import { resolveParameters } from './parameters.ts';
import { evaluateOutputs } from './render.ts';

/** The thread that hostile input may use up: it holds nothing, and is ended and replaced when it does. */
const port = parentPort;
if (port === null) throw new Error('sandbox.worker runs as a worker thread only');
const beacon = new Beacon(workerData as SharedArrayBuffer);

function perform(job: Job): unknown {
  switch (job.kind) {
    case 'parse':
      return parseTemplateHere(job.source, (path, line, column) => beacon.set(path, line, column));
    case 'load':
      return loadTemplate(job.data);
    case 'resolve':
      return resolveParameters(job.template, job.values, job.sealed);
    case 'expand':
      return expandServers(job.template, job.params, job.clusterName, job.counts);
    case 'outputs':
      return evaluateOutputs(job.template, job.context);
  }
}

port.on('message', (job: Job) => {
  beacon.clear();
  const reply: Reply = (() => {
    try {
      return { kind: 'done', result: perform(job) };
    } catch (error) {
      return {
        kind: 'failed',
        message: error instanceof Error ? error.message : 'unknown',
        tooDeep: error instanceof RangeError,
      };
    }
  })();
  port.postMessage(reply);
});
port.postMessage({ kind: 'ready' } satisfies Reply);
